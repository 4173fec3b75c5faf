"""Episodes of MiniWoB in Chromium while tabs and browsers are killed: how many are lost.

Prints episodes, faults and retries, wrong scores, and memory at the beginning and the end.
``python -m benchmarks.web.kills 2000 16 0.01 2``: episodes, sessions, share of episodes in which
the tab is killed, and kills of the whole browser.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
import time
from pathlib import Path

from envgym.environments.web.miniwob.environment import MiniWob
from envgym.errors import Fault

TASKS = ("click-test", "click-button", "click-checkboxes", "enter-text", "choose-list")


def memory_mib(root: int) -> float:
    """Resident memory of a process group's members and of all below them, shares counted once."""
    total = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if os.getpgid(int(folder.name)) == root:
                for line in (folder / "smaps_rollup").read_text().splitlines():
                    if line.startswith("Pss:"):
                        total += int(line.split()[1])
        except (OSError, ProcessLookupError):
            continue
    return total / 1024


async def main(episodes: int, sessions: int, share: float, browsers: int) -> None:
    """Play them."""
    rng = random.Random(0)
    left = iter(range(episodes))
    kills = set(rng.sample(range(episodes // 4, episodes * 3 // 4), browsers))
    counts = {"episodes": 0, "faults": 0, "wrong": 0, "tabs_killed": 0, "browsers_killed": 0}
    memory: list[float] = []
    began = time.monotonic()

    async def play(env: MiniWob, number: int) -> None:
        kill = rng.random() < share
        for _ in range(20):
            try:
                await env.reset(seed=number)
                browser = env._tabs._browser
                if number in kills and browser is not None and browser.pid is not None:
                    kills.discard(number)
                    counts["browsers_killed"] += 1
                    os.killpg(browser.pid, signal.SIGKILL)
                elif kill and env._tabs._tab is not None:
                    kill = False
                    counts["tabs_killed"] += 1
                    env._tabs._tab.send("Page.crash")
                async for action in env.oracle():
                    if (await env.step(action)).done:
                        break
            except Fault:
                counts["faults"] += 1
                continue
            counts["episodes"] += 1
            counts["wrong"] += env.score != 1.0
            if browser is not None and browser.pid is not None and number % (episodes // 10) == 0:
                memory.append(memory_mib(browser.pid))
            return
        raise RuntimeError(f"episode {number} is lost")

    async def session() -> None:
        env = MiniWob(tasks=TASKS)
        for number in left:
            await play(env, number)
        await env.close()

    await asyncio.gather(*(session() for _ in range(sessions)))
    passed = time.monotonic() - began
    figures = {"seconds": round(passed, 1), "episodes_per_s": round(counts["episodes"] / passed, 1)}
    print(json.dumps(counts | figures | {"browser_mib": [round(m) for m in memory]}))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])))
