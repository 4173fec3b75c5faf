"""Check that a closed environment leaves nothing open: one leaked file per episode ends a run."""

from __future__ import annotations

import asyncio
import gc
import os
import re
import threading
from collections import defaultdict
from collections.abc import AsyncIterator
from pathlib import Path

from envgym.checker.report import Problem
from envgym.checker.target import Target
from envgym.checker.traces import begin, play_nothing, play_oracle_or_stop
from envgym.resources import open_resources

_ROUNDS = 3
_SETTLE_S = 1.0
"""Seconds until cancelled tasks and killed processes are gone."""
_FDS = Path("/proc/self/fd")  # Linux; elsewhere neither files nor processes are counted

_FIXES = {
    "holds on shared resources": "close in stop() every Shared that __init__ or start() took",
    "asyncio tasks": "cancel in stop() every task that was created, and await it",
    "threads": "end and join in stop() every thread and executor; give a plain tool an end",
    "processes": "kill in stop() the whole process group (start_new_session=True, os.killpg), and "
    "wait for it",
    "file descriptors": "close files, sockets and pipes where they are opened (with …), or in "
    "stop()",
}


async def nothing_is_left_open(target: Target) -> AsyncIterator[Problem]:
    """Check that nothing is left open once all instances are closed: see `belongings`."""
    await _round(target)  # resources loaded once per process are no leak
    before = await settled({})
    for _ in range(_ROUNDS):
        await _round(target)
    after = await settled(before)
    for what, count in after.items():
        if count > before[what]:
            yield Problem(
                f"{_ROUNDS} instances opened and closed left {count - before[what]} {what}",
                _FIXES[what],
            )


async def settled(before: dict[str, int]) -> dict[str, int]:
    """Measure `belongings` once they are down to their earlier numbers, or as low as they get."""
    for _ in range(20):
        await asyncio.sleep(0)
        gc.collect()
        now = belongings()
        if all(count <= before.get(what, count) for what, count in now.items()):
            break
        await asyncio.sleep(_SETTLE_S / 20)
    return now


def belongings() -> dict[str, int]:
    """Numbers of open resources of the process, without the loop's own worker threads."""
    threads = [t for t in threading.enumerate() if not t.name.startswith("asyncio_")]
    return {
        "holds on shared resources": sum(open_resources().values()),
        "asyncio tasks": len(asyncio.all_tasks()),
        "threads": len(threads),
        "processes": len(_descendants()),
        "file descriptors": len(os.listdir(_FDS)) if _FDS.is_dir() else 0,
    }


async def _round(target: Target) -> None:
    """One instance: an episode of the oracle, an idle one, one that is only begun."""
    async with target.env() as env:
        await play_oracle_or_stop(env, await begin(env, seed=0))
        await play_nothing(env, await begin(env, seed=0))
        await begin(env, seed=1)


def _descendants() -> list[int]:
    """The processes that this one has started, and those that they have, zombies included."""
    children = defaultdict(list)
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name stands in brackets and may hold anything; state and parent follow it.
            parent = re.match(r"\d+ \(.*\) \S (\d+)", stat.read_text(errors="replace"), re.DOTALL)
        except OSError:  # gone meanwhile
            continue
        if parent:
            children[int(parent[1])].append(int(stat.parent.name))
    found, todo = [], [os.getpid()]
    while todo:
        born = children[todo.pop()]
        found += born
        todo += born
    return found
