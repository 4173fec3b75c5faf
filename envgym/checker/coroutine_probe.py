"""Coroutine driver that observes or interrupts exactly one await point."""

from __future__ import annotations

import asyncio
import contextlib
import time
import types
from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass
from typing import Any, Literal

PATIENCE_S = 2.0
"""Seconds that a cancelled coroutine may take to return before it counts as hung."""


@types.coroutine
def watched(
    work: Coroutine[Any, Any, Any],
    suspended: Callable[[int], None] = lambda point: None,
    held: Callable[[float], None] = lambda seconds: None,
) -> Generator[Any, Any, Any]:
    """Await `work` and return its result, with callbacks at its await points.

    Args:
        suspended: Called as it comes to rest at its await point 0, 1, 2, …
        held: Called with the seconds for which it has just held the loop.
    """
    point = 0
    resume: Callable[[], Any] = lambda: work.send(None)  # noqa: E731
    while True:
        began = time.perf_counter()
        try:
            value = resume()
        except StopIteration as done:
            return done.value
        finally:
            held(time.perf_counter() - began)
        suspended(point)
        point += 1
        try:
            sent = yield value
        except GeneratorExit:
            work.close()
            raise
        except BaseException as error:
            resume = _thrower(work, error)
        else:
            resume = _sender(work, sent)


def _sender(work: Coroutine[Any, Any, Any], value: Any) -> Callable[[], Any]:
    return lambda: work.send(value)


def _thrower(work: Coroutine[Any, Any, Any], error: BaseException) -> Callable[[], Any]:
    return lambda: work.throw(error)


@dataclass
class Outcome:
    """Outcome of a coroutine: how it ended, and its error.

    Attributes:
        how: ``returned``, ``raised``, ``cancelled``, or ``hung``: not back after `PATIENCE_S`.
        error: Its exception.
        cut: It reached the await point at which it was to be cancelled.
    """

    how: Literal["returned", "raised", "cancelled", "hung"]
    error: BaseException | None = None
    cut: bool = False


async def outcome(work: Coroutine[Any, Any, Any], *, patience: float = PATIENCE_S) -> Outcome:
    """Run `work` in a task of its own and report how it ends."""
    task = asyncio.ensure_future(work)
    await asyncio.wait({task}, timeout=patience)
    if not task.done():
        task.cancel()
        with contextlib.suppress(BaseException):
            await asyncio.wait_for(asyncio.shield(task), patience)
        return Outcome("hung")
    if task.cancelled():
        return Outcome("cancelled")
    if (error := task.exception()) is not None:
        return Outcome("raised", error)
    return Outcome("returned")


async def cancelled_at(point: int, work: Coroutine[Any, Any, Any]) -> Outcome:
    """Run `work`, cancel its task at await point number `point`, and report how it ends."""
    cut = False

    def suspended(now: int) -> None:
        nonlocal cut
        if now == point:
            cut = True
            task = asyncio.current_task()
            assert task is not None
            task.cancel()

    async def driven() -> Any:
        return await watched(work, suspended)

    ended = await outcome(driven())
    ended.cut = cut
    return ended
