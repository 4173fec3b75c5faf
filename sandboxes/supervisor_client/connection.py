"""Host's end of a supervisor's channel: concurrent requests, one answer each."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Mapping

from envgym.errors import Fault, UsageError
from envgym.sandboxes.base import Denied, SessionLost
from envgym.sandboxes.supervisor.messages import Cancel
from envgym.sandboxes.supervisor.streams.frames import BadFrame, Frame, Unpacker, pack


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
        self._pending: dict[int, asyncio.Future[Frame]] = {}
        self._on_close = on_close
        self.closed = False
        self._listening = asyncio.create_task(self._listen(reader))

    async def ask(self, request: Mapping[str, object], *parts: bytes) -> Frame:
        """Send a request and wait for its answer; on cancellation, kill what it started.

        Raises:
            Denied: The request reaches outside the sandbox.
            UsageError: It cannot be carried out.
            SessionLost: Its session has ended.
            Lost: The supervisor went away meanwhile, or before.
        """
        if self.closed:
            raise Lost("the sandbox is closed")
        id = next(self._ids)
        try:
            frame = pack({**request, "id": id}, *parts)
        except BadFrame as error:
            raise UsageError(f"too much for one request to a sandbox: {error}") from error
        future: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        self._pending[id] = future
        try:
            self._writer.write(frame)
            await self._writer.drain()
            answer = await future
        except ConnectionError as error:
            raise Lost("the sandbox's channel broke") from error
        except asyncio.CancelledError:
            if not self.closed:
                cancel: Cancel = {"op": "cancel", "target": id}
                self._writer.write(pack({**cancel, "id": next(self._ids)}))
            raise
        finally:
            self._pending.pop(id, None)
            if future.done() and not future.cancelled():
                future.exception()  # marked as retrieved: the writer may have failed first
        if "error" in answer.header:
            kinds = {"denied": Denied, "lost": SessionLost}
            kind, why = str(answer.header["error"]), answer.header.get("message", "no reason given")
            raise kinds.get(kind, UsageError)(f"{why}")
        return answer

    async def close(self) -> None:
        """Close the connection; the supervisor kills all processes of its sandbox and ends."""
        self._listening.cancel()
        await asyncio.wait([self._listening])
        await self._finish()

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        unpacker = Unpacker()
        try:
            while data := await reader.read(1 << 18):
                for frame in unpacker.feed(data):
                    future = self._pending.get(frame.header["id"])
                    if future is not None and not future.done():
                        future.set_result(frame)
        except (ConnectionError, BadFrame, KeyError, TypeError):
            pass  # as good as closed; waiters get their error below
        await self._finish()

    async def _finish(self) -> None:
        if self.closed:
            return
        self.closed = True
        self._writer.close()
        for future in self._pending.values():
            if not future.done():
                future.set_exception(Lost("the sandbox's supervisor is gone"))
        if self._on_close is not None:
            await self._on_close()


def broken(error: Lost) -> Fault:
    """Convert a lost connection to a `Fault`, where no program of the sandbox can be the cause."""
    return Fault(f"sandbox: {error}", "infra")
