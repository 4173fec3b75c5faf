"""Reusable timeout: one timer for many deadlines, at the cost of two assignments per step.

A timer per step costs a fifth of a remote step: the event loop sorts each one in, and cancels it a
moment later. Here one timer serves many deadlines; when it is due and the deadline has moved
meanwhile, it is set again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class ReusableTimeout:
    """Timeout for one coroutine after another, with one shared timer."""

    def __init__(self) -> None:
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[Any] | None = None
        self._due: float | None = None
        self._expired = False

    async def within(self, seconds: float, work: Coroutine[Any, Any, T]) -> T:
        """Await `work` and return its result; cancel it and raise TimeoutError after `seconds`."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        cancelling = task.cancelling()
        self._task, self._due, self._expired = task, loop.time() + seconds, False
        if self._timer is None or self._due < self._timer.when():
            self._arm(loop)
        try:
            return await work
        except asyncio.CancelledError:
            # As in asyncio.timeout: uncancel() tells whether another cancellation is pending.
            if self._expired and task.uncancel() <= cancelling:
                raise TimeoutError from None
            raise
        finally:
            self._task = self._due = None

    def stop(self) -> None:
        """Cancel the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, loop: asyncio.AbstractEventLoop) -> None:
        self.stop()
        assert self._due is not None
        self._timer = loop.call_at(self._due, self._expire, loop)

    def _expire(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        if self._due is None or self._task is None:
            return  # nothing is waited for; the next deadline sets it anew
        if loop.time() < self._due:
            self._arm(loop)
        else:
            self._expired = True
            self._task.cancel()
