"""Our side: MiniWoB++ at several numbers of sessions, and the sites without a browser."""

from __future__ import annotations

import asyncio
import json
import time

from benchmarks.web.kills import memory_mib
from benchmarks.web.plan import EPISODES, TASKS
from envgym.environments.web.miniwob.environment import MiniWob
from envgym.environments.web.sites.environment import WebSites
from envgym.task import Task


async def _play(env: MiniWob, episodes: int) -> None:
    for name, _, _ in TASKS:
        for seed in range(episodes):
            await env.reset(options={"task": Task({"task": name, "seed": seed})})
            async for action in env.oracle():
                if (await env.step(action)).done:
                    break


async def _sessions(count: int) -> dict[str, float]:
    name = TASKS[0][0]
    envs = [MiniWob(tasks=[name]) for _ in range(count)]
    await asyncio.gather(*(env.reset(seed=0) for env in envs))
    rounds = max(60 // count, 3)

    async def reset(env: MiniWob, number: int) -> None:
        for seed in range(rounds):
            await env.reset(seed=number * rounds + seed)

    async def hover(env: MiniWob) -> None:
        assert env.page is not None
        assert env.page.root is not None
        id = next(i for e in env.page.root.walk() if (i := env.shown_id(e)) is not None)
        for _ in range(min(rounds, 11)):
            await env.hover(id)

    begun = time.perf_counter()
    await asyncio.gather(*(reset(env, number) for number, env in enumerate(envs)))
    resets = time.perf_counter() - begun
    begun = time.perf_counter()
    await asyncio.gather(*(hover(env) for env in envs))
    steps = time.perf_counter() - begun
    browser = envs[0]._tabs._browser
    assert browser is not None
    assert browser.pid is not None
    memory = memory_mib(browser.pid)
    for env in envs:
        await env.close()
    return {
        f"sessions_{count}.resets_per_s": count * rounds / resets,
        f"sessions_{count}.steps_per_s": count * min(rounds, 11) / steps,
        f"sessions_{count}.browser_mib": memory,
    }


async def _browserless() -> float:
    env = WebSites()
    source, steps = env.tasks("train"), 0
    tasks = [source[n] for n in range(108)]
    scripts = []
    for task in tasks:
        await env.reset(options={"task": task})
        scripts.append([action async for action in _recorded(env)])
    begun = time.perf_counter()
    for task, script in zip(tasks, scripts, strict=True):
        await env.reset(options={"task": task})
        for action in script:
            await env.step(action)
            steps += 1
    passed = time.perf_counter() - begun
    await env.close()
    return steps / passed


async def _recorded(env: WebSites):  # type: ignore[no-untyped-def]
    async for action in env.oracle():
        yield action
        await env.step(action)


async def main() -> None:
    """Measure."""
    env = MiniWob()
    await _play(env, 1)
    begun = time.perf_counter()
    await _play(env, EPISODES)
    figures = {"episodes_per_s": len(TASKS) * EPISODES / (time.perf_counter() - begun)}
    await env.close()
    for count in (1, 16, 64):
        figures |= await _sessions(count)
    figures["browserless.steps_per_s"] = await _browserless()
    print(json.dumps(figures))


asyncio.run(main())
