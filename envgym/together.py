"""Many coroutines at once, with a task only for those that wait.

A task costs more than a step of a small environment. Here the caller runs the coroutines one after
another, and only when one of them waits for something does a helper task go on with the rest: a
thousand steps that never wait need no task, a thousand that do run side by side as ever. Each
coroutine is run by one task from beginning to end, so timeouts and cancellation inside it work.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

Call = tuple[Callable[..., Awaitable[Any]], tuple[Any, ...]]
"""A coroutine function and its arguments."""


async def together(calls: Sequence[Call]) -> list[Any]:
    """What ``await function(*arguments)`` gave for each call, or the Exception it raised, in order.

    Cancelling it cancels those that run, waits for their clean-up and begins no other.
    """
    if len(calls) == 1:
        return [await _outcome(*calls[0])]
    outcomes: list[Any] = [None] * len(calls)
    todo = enumerate(calls)
    helpers: list[asyncio.Task[None]] = []
    loop = asyncio.get_running_loop()

    def help_out() -> None:
        helpers.append(loop.create_task(work()))

    async def work() -> None:
        relief = loop.call_soon(help_out)  # comes about once this one waits, not before
        try:
            for index, (function, arguments) in todo:
                try:
                    outcomes[index] = await function(*arguments)
                except Exception as error:
                    outcomes[index] = error
        finally:
            relief.cancel()

    try:
        await work()
        while running := [helper for helper in helpers if not helper.done()]:
            await asyncio.wait(running)
    except BaseException:
        for _ in todo:
            pass  # none of the rest begins
        while helpers:
            stopped = list(helpers)
            helpers.clear()
            for helper in stopped:
                helper.cancel()
            await asyncio.gather(*stopped, return_exceptions=True)
        raise
    for helper in helpers:
        helper.result()
    return outcomes


async def _outcome(function: Callable[..., Awaitable[Any]], arguments: tuple[Any, ...]) -> Any:
    try:
        return await function(*arguments)
    except Exception as error:
        return error
