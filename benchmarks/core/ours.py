"""envgym on the game of `bench core`: a step alone, a vector, a thousand tasks, a rollout."""

from __future__ import annotations

import asyncio
import json
import resource
import time
from collections.abc import Sequence
from typing import Any

from rules import GUESSES, MAX_TURNS, PROMPT, Game

from envgym import Action, Env, Limits, Rollout, Start, Task, TaskSource
from envgym.agent import Agent, Completion, Context
from envgym.trajectory import Episode
from envgym.vector.vector_env import VectorEnv

TASKS = TaskSource.rows([Task({})])
ACTIONS = tuple(map(Action, GUESSES))


class Guess(Env[Task]):
    """The game, as envgym has an environment written."""

    max_turns = MAX_TURNS

    def tasks(self, split: str = "train") -> Sequence[Task]:
        return TASKS

    async def start(self, task: Task) -> str:
        self.game = Game(self.rng)
        return PROMPT

    async def act(self, action: Action) -> str:
        answer, won = self.game.guess(action.text)
        if won:
            self.end(1.0)
        return answer


class Sleeping(Guess):
    """Each step waits a second, as a slow tool does."""

    async def act(self, action: Action) -> str:
        await asyncio.sleep(1.0)
        self.end(1.0)
        return await super().act(action)


class Guesser(Agent):
    """Makes the guesses in turn."""

    async def act(self, context: Context) -> Completion:
        turn = len(context.messages) // 2
        return Completion(action=ACTIONS[turn % len(ACTIONS)])


class Starts(Sequence[Start]):
    """Starts made as they are asked for."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: Any) -> Any:
        if index >= self.count:
            raise IndexError
        return Start(index)


async def vector_rate(count: int, seconds: float = 1.0) -> float:
    """Steps a second of a vector of `count`."""
    envs = VectorEnv([Guess() for _ in range(count)])
    await envs.reset(seed=0)
    actions = [[action] * count for action in ACTIONS]
    for action in actions:
        await envs.step(action)
    steps, began = 0, time.perf_counter()
    while (spent := time.perf_counter() - began) < seconds:
        for action in actions:
            await envs.step(action)
        steps += count * len(actions)
    return steps / spent


async def play(env: Guess, until: float) -> int:
    """Whole episodes until the clock says so; the steps taken."""
    steps = 0
    while time.perf_counter() < until:
        await env.reset()
        for turn in range(MAX_TURNS):
            step = await env.step(ACTIONS[turn % len(ACTIONS)])
            steps += 1
            if step.done:
                break
        await asyncio.sleep(0)  # the others' turn
    return steps


async def concurrent_rate(count: int, seconds: float = 1.0) -> float:
    """Steps a second of `count` tasks that play an environment each, summed."""
    envs = [Guess() for _ in range(count)]
    began = time.perf_counter()
    steps = sum(await asyncio.gather(*(play(env, began + seconds) for env in envs)))
    return steps / (time.perf_counter() - began)


async def rollout_figures() -> dict[str, float]:
    """Recorded episodes through `Rollout`, a thousand at once: rate, lag, memory."""
    steps = 0

    def count(episode: Episode) -> None:
        nonlocal steps
        steps += len(episode.turns)

    rollout = Rollout(Guess, Limits(concurrency=1000))

    async def run(episodes: int) -> Any:
        return await rollout.run(Starts(episodes), Guesser(), count, keep=False)

    await run(10_000)
    early, steps = peak_mib(), 0
    began = time.perf_counter()
    result = await run(90_000)
    spent = time.perf_counter() - began
    await rollout.close()
    return {
        "rollout_1000_steps_per_s": steps / spent,
        "rollout_loop_lag_ms": 1000 * result.loop_lag_s,
        "rollout_10k_episodes_mib": early,
        "rollout_100k_episodes_mib": peak_mib(),
    }


async def vector_sleep_s(count: int) -> float:
    """Seconds for one step of a vector whose every environment waits a second."""
    envs = VectorEnv([Sleeping() for _ in range(count)])
    await envs.reset(seed=0)
    began = time.perf_counter()
    await envs.step([ACTIONS[0]] * count)
    return time.perf_counter() - began


async def episodes_sleep_s(count: int) -> tuple[float, float]:
    """Seconds for `count` recorded episodes, at once, of one step that waits a second; the lag."""
    rollout = Rollout(Sleeping, Limits(concurrency=count))
    result = await rollout.run([Start(s) for s in range(count)], Guesser())
    await rollout.close()
    assert len(result.episodes) == count
    return result.wall_s, result.loop_lag_s


def peak_mib() -> float:
    """The most memory this process has had resident."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def main() -> None:
    """Measure and print."""
    one, _ = await episodes_sleep_s(1)
    thousand, lag = await episodes_sleep_s(1000)
    figures = {
        "env_1_steps_per_s": await env_rate(),
        "vector_1_steps_per_s": await vector_rate(1),
        "vector_1000_steps_per_s": await vector_rate(1000),
        "concurrent_1000_steps_per_s": await concurrent_rate(1000),
        "sleep_1000_s": await vector_sleep_s(1000),
        "rollout_sleep_1_s": one,
        "rollout_sleep_1000_s": thousand,
        "rollout_sleep_loop_lag_ms": 1000 * lag,
        **await rollout_figures(),
    }
    print(json.dumps(figures))


async def env_rate() -> float:
    """Steps a second of one environment."""
    env = Guess()
    began = time.perf_counter()
    return await play(env, began + 1.0) / (time.perf_counter() - began)


asyncio.run(main())
