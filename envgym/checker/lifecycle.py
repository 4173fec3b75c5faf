"""Does it open and close as often as one likes, refuse what makes no sense, and leave nothing."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from envgym.checker.report import Problem
from envgym.checker.subject import NOTHING, Subject, begin, play_nothing
from envgym.env import Env
from envgym.errors import UsageError
from envgym.messages import Action
from envgym.resources import open_resources

_ROUNDS = 3
_FDS = "/proc/self/fd"  # Linux; elsewhere files are not counted


async def close_twice(subject: Subject) -> AsyncIterator[Problem]:
    """The second close does nothing; neither does one without an episode raise."""
    for played in (False, True):
        env = subject.make()
        if played:
            await begin(env, seed=0)
        await env.close()
        try:
            await env.close()
        except Exception as error:
            yield Problem(
                f"the second close raised {type(error).__name__}: {error}",
                "release things in stop(), which is called once, and do not override close()",
            )


async def wrong_order_is_refused(subject: Subject) -> AsyncIterator[Problem]:
    """A step before a reset, after the end or after closing raises UsageError."""
    mend = "do not override step() and reset(); they keep the order"
    env = subject.make()
    try:
        if said := await _not_refused(lambda: env.step(NOTHING)):
            yield Problem(f"a step before the first reset {said}", mend)
        await play_nothing(env, await begin(env, seed=0))
        if said := await _not_refused(lambda: env.step(NOTHING)):
            yield Problem(f"a step after the end {said}", mend)
    finally:
        await env.close()
    if said := await _not_refused(lambda: env.reset(seed=0)):
        yield Problem(f"a reset after closing {said}", mend)


async def cancelled_step_is_survived(subject: Subject) -> AsyncIterator[Problem]:
    """After a step was cancelled midway, a reset begins the same episode as a fresh instance."""
    async with subject.env() as env:
        fresh = await begin(env, seed=1)
    async with subject.env() as env:
        await begin(env, seed=0)
        step = asyncio.create_task(env.step(await _first_action(env)))
        await asyncio.sleep(0)
        step.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await step
        again = await begin(env, seed=1)
        if again.first != fresh.first:
            yield Problem(
                "after a cancelled step, reset(seed=1) begins another episode than in a fresh one",
                "set all state of an episode in start()",
            )


async def nothing_is_left_open(subject: Subject) -> AsyncIterator[Problem]:
    """Once all instances are closed, no shared resource, task, thread or file of theirs is left."""
    await _round(subject)  # what is loaded once stays, and is no leak
    gc.collect()
    before = _belongings()
    for _ in range(_ROUNDS):
        await _round(subject)
    gc.collect()
    after = _belongings()
    for what, count in after.items():
        if count > before[what]:
            yield Problem(
                f"{_ROUNDS} instances opened and closed left {count - before[what]} {what}",
                "release in stop() what __init__ and start() took; await or cancel every task",
            )


async def _round(subject: Subject) -> None:
    """One instance, two episodes begun, one played."""
    async with subject.env() as env:
        await play_nothing(env, await begin(env, seed=0))
        await begin(env, seed=1)


def _belongings() -> dict[str, int]:
    """What a process can leave behind, counted; the loop's own worker threads stay, and may."""
    threads = [t for t in threading.enumerate() if not t.name.startswith("asyncio_")]
    return {
        "holds on shared resources": sum(open_resources().values()),
        "asyncio tasks": len(asyncio.all_tasks()),
        "threads": len(threads),
        "file descriptors": len(os.listdir(_FDS)) if os.path.isdir(_FDS) else 0,
    }


async def _first_action(env: Env[Any]) -> Action:
    """The oracle's first action, or an empty one where there is no oracle."""
    try:
        oracle = env.oracle()
    except UsageError:
        return NOTHING
    async for action in oracle:
        return action
    return NOTHING


async def _not_refused(doing: Callable[[], Awaitable[Any]]) -> str | None:
    """What it did instead of raising UsageError, or None."""
    try:
        await doing()
    except UsageError:
        return None
    except Exception as error:
        return f"raises {type(error).__name__} instead of UsageError"
    return "is accepted"
