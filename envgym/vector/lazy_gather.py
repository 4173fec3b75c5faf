"""Gathering of many coroutines, with a task only for those that wait.

A task costs more than a step of a small environment. Here the caller runs the coroutines one after
another, and a helper task takes over the rest only when one of them waits: a thousand steps that
never wait need no task, a thousand that wait run concurrently as usual. Each coroutine runs in one
task from beginning to end, so timeouts and cancellation inside it work.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Generator, Iterator
from itertools import chain
from typing import Any, TypeVar

T = TypeVar("T")


async def lazy_gather(work: Generator[Awaitable[T], None, None]) -> list[T | Exception]:
    """Await all awaitables; return the result of each, or its Exception, in order.

    Cancelling it cancels those that run, waits for their clean-up and begins no other.

    Args:
        work: A generator, ``(env.step(a) for …)``: each is made when its turn comes, so that few
            objects are alive at once and none is left over.
    """
    first = next(work, None)
    if first is None:
        return []  # the generator did everything itself: nothing to await
    gathering = _Gathering(work)
    try:
        await gathering.go_on(first)
        while running := [helper for helper in gathering.helpers if not helper.done()]:
            await asyncio.wait(running)
    except BaseException:
        work.close()
        while gathering.helpers:
            stopped, gathering.helpers = gathering.helpers, []
            for helper in stopped:
                helper.cancel()
            await asyncio.gather(*stopped, return_exceptions=True)
        raise
    for helper in gathering.helpers:
        helper.result()
    return gathering.outcomes


class _Gathering:
    """Shared state of the tasks that work through one generator. (Closures would form a cycle.)"""

    def __init__(self, work: Iterator[Awaitable[Any]]) -> None:
        self.outcomes: list[Any] = []
        self.helpers: list[asyncio.Task[None]] = []
        self._work = work
        self._loop = asyncio.get_running_loop()

    async def go_on(self, *begun: Awaitable[Any]) -> None:
        helping = self._loop.call_soon(self._help)  # runs only once this coroutine waits
        outcomes = self.outcomes
        try:
            for one in chain(begun, self._work):
                index = len(outcomes)
                outcomes.append(None)
                try:
                    outcomes[index] = await one
                except Exception as error:
                    outcomes[index] = error
        finally:
            helping.cancel()

    def _help(self) -> None:
        self.helpers.append(self._loop.create_task(self.go_on()))
