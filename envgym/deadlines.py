"""Deadlines that set a timer only when a coroutine first suspends.

A coroutine that never suspends cannot block on anything, so it needs no timer; the timer starts at
the first suspension. In trivial environments timers would be most of the cost of a step.
"""

from __future__ import annotations

import asyncio
import types
from collections.abc import Coroutine, Generator
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Deadlines:
    """Time limits of the parts of an episode, in seconds; None means no limit."""

    reset: float | None = 60.0
    step: float | None = 120.0
    tool: float | None = 30.0
    close: float | None = 10.0


async def within(seconds: float | None, work: Coroutine[Any, Any, T]) -> T:
    """Await `work` and return its result; cancel it and raise TimeoutError after `seconds`."""
    try:
        first = work.send(None)
    except StopIteration as done:
        return done.value
    async with asyncio.timeout(seconds):
        return await _resume(work, first)


@types.coroutine
def _resume(work: Coroutine[Any, Any, T], value: Any) -> Generator[Any, Any, T]:
    """Drive a coroutine on from the value it first yielded, passing everything through."""
    try:
        while True:
            try:
                sent = yield value
            except GeneratorExit:
                work.close()
                raise
            except BaseException as error:
                value = work.throw(error)
            else:
                value = work.send(sent)
    except StopIteration as done:
        return done.value
