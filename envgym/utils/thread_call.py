"""Calls of plain functions, each in a thread of its own beside the event loop.

A thread pool is as large as the machine, so a handful of hung calls would block every other episode
and the exit of the program. A thread per call blocks nothing else. Nothing can stop a thread,
though; a caller that stops waiting must know that the call still runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from collections.abc import Callable, Mapping
from typing import Any


class ThreadCall:
    """A call of a plain function in a thread, started at construction.

    Args:
        name: Name of the thread, for debuggers.
    """

    def __init__(
        self, function: Callable[..., Any], arguments: Mapping[str, Any], *, name: str
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._outcome: asyncio.Future[tuple[Any, BaseException | None]] = self._loop.create_future()
        self._function, self._arguments = function, arguments
        self._context = contextvars.copy_context()
        # A daemon: the program may end while it still runs.
        threading.Thread(target=self._run, name=name, daemon=True).start()

    @property
    def running(self) -> bool:
        """Flag that the function still runs, as far as the loop knows."""
        return not self._outcome.done()

    async def result(self) -> Any:
        """Await the function's result or exception; cancelling stops only the waiting."""
        value, error = await asyncio.shield(self._outcome)
        if error is not None:
            raise error
        return value

    async def ended(self) -> None:
        """Wait until the function has ended, in whatever way."""
        await asyncio.shield(self._outcome)

    def _run(self) -> None:
        outcome: tuple[Any, BaseException | None]
        try:
            outcome = self._context.run(self._function, **self._arguments), None
        except BaseException as error:
            outcome = None, error
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._outcome.set_result, outcome)
