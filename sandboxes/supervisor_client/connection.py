"""Host's end of a supervisor's channel: concurrent requests, one answer each."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from typing import Any

from envgym.errors import Fault, UsageError
from envgym.sandboxes.base import Denied, SessionLost
from envgym.sandboxes.supervisor.streams.frames import BadFrame, Unpacker, pack

Answer = tuple[dict[str, Any], list[bytes]]


class Lost(Exception):
    """The supervisor died with a program running; the backend knows the cause."""


class SupervisorConnection:
    """Stream of frames to and from a supervisor.

    Args:
        reader: Stream from the supervisor.
        writer: Stream to it.
        on_close: Awaited once, when either end closes the connection.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        on_close: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._writer = writer
        self._ids = itertools.count(1)
        self._pending: dict[int, asyncio.Future[Answer]] = {}
        self._on_close = on_close
        self.closed = False
        self._listening = asyncio.create_task(self._listen(reader))

    async def ask(self, header: dict[str, Any], *parts: bytes) -> Answer:
        """Send a request and wait for its answer; on cancellation, kill what it started.

        Raises:
            Denied: The request reaches outside the box.
            UsageError: It cannot be carried out.
            SessionLost: Its session has ended.
            Lost: The supervisor went away meanwhile, or before.
        """
        if self.closed:
            raise Lost("the box is closed")
        id = next(self._ids)
        try:
            frame = pack({**header, "id": id}, *parts)
        except BadFrame as error:
            raise UsageError(f"too much for one request to a box: {error}") from error
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._pending[id] = future
        try:
            self._writer.write(frame)
            await self._writer.drain()
            answer, out = await future
        except ConnectionError as error:
            raise Lost("the box's channel broke") from error
        except asyncio.CancelledError:
            if not self.closed:
                self._writer.write(pack({"op": "cancel", "id": next(self._ids), "target": id}))
            raise
        finally:
            self._pending.pop(id, None)
            if future.done() and not future.cancelled():
                future.exception()  # marked as retrieved: the writer may have failed first
        if "error" in answer:
            kinds = {"denied": Denied, "lost": SessionLost}
            raise kinds.get(answer["error"], UsageError)(answer["message"])
        return answer, out

    async def close(self) -> None:
        """Close the connection; the supervisor kills all processes of its box and ends."""
        self._listening.cancel()
        await asyncio.wait([self._listening])
        await self._finish()

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        unpacker = Unpacker()
        try:
            while data := await reader.read(1 << 18):
                for header, parts in unpacker.feed(data):
                    future = self._pending.get(header["id"])
                    if future is not None and not future.done():
                        future.set_result((header, parts))
        except (ConnectionError, BadFrame, KeyError):
            pass  # as good as closed; waiters get their error below
        await self._finish()

    async def _finish(self) -> None:
        if self.closed:
            return
        self.closed = True
        self._writer.close()
        for future in self._pending.values():
            if not future.done():
                future.set_exception(Lost("the box's supervisor is gone"))
        if self._on_close is not None:
            await self._on_close()


def broken(error: Lost) -> Fault:
    """Convert a lost connection to a `Fault`, where no program of the box can be the cause."""
    return Fault(f"sandbox: {error}", "infra")
