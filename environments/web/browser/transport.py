"""Transports of the DevTools protocol: a local process's pipe, or a remote browser's WebSocket.

A pipe has no port that another process could connect to, and Chromium ends by itself when its other
end closes: no orphan is left, whatever kills this process.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from typing import Any, Protocol, cast

from envgym.errors import Fault, UsageError

_MOST_BYTES = 256 << 20


Deliver = Callable[[dict[str, Any] | None], None]
"""Receives each message; None once, when the browser is gone. Must not block."""


class Transport(Protocol):
    """A stream of JSON messages to and from a browser."""

    def listen(self, deliver: Deliver) -> None:
        """Deliver the messages to a function, from now on."""

    def send(self, message: dict[str, Any]) -> None:
        """Queue a message."""

    async def close(self) -> None:
        """End the connection; safe to call twice."""


class PipeTransport(asyncio.Protocol):
    """Messages ended by NUL over a socket that the browser has as descriptors 3 and 4."""

    def __init__(self) -> None:
        self._deliver: Deliver = lambda message: None
        self._writer: asyncio.Transport | None = None
        self._parts: list[bytes] = []

    @classmethod
    async def open(cls, end: socket.socket) -> PipeTransport:
        """Make a transport of our end of the socket pair."""
        loop = asyncio.get_running_loop()
        _, made = await loop.create_unix_connection(cls, sock=end)
        return made

    def listen(self, deliver: Deliver) -> None:
        """See `Transport`."""
        self._deliver = deliver

    def send(self, message: dict[str, Any]) -> None:
        """See `Transport`."""
        if self._writer is not None:
            self._writer.write(json.dumps(message).encode() + b"\0")

    async def close(self) -> None:
        """See `Transport`."""
        if self._writer is not None:
            self._writer.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the socket."""
        self._writer = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Deliver the messages that are whole; a long one comes in many parts."""
        *whole, rest = data.split(b"\0")
        if whole:
            whole[0] = b"".join([*self._parts, whole[0]])
            self._parts.clear()
        self._parts.append(rest)
        for frame in whole:
            self._deliver(json.loads(frame))

    def connection_lost(self, error: Exception | None) -> None:
        """Say that the browser is gone."""
        self._deliver(None)


class WebSocketTransport:
    """Messages over the WebSocket of a browser that runs elsewhere.

    Use `open`: it takes ``ws://…/devtools/browser/ID`` or ``http://host:port``, whose
    ``/json/version`` names the former.
    """

    def __init__(self, session: Any, socket: Any) -> None:
        self._session = session
        self._socket = socket
        self._sending: asyncio.Queue[str] = asyncio.Queue()
        self._tasks = [asyncio.create_task(self._send_all())]

    @classmethod
    async def open(cls, url: str) -> WebSocketTransport:
        """Connect.

        Raises:
            Fault: (``infra``) No browser answers there.
            UsageError: aiohttp is missing.
        """
        try:
            import aiohttp
        except ImportError as error:
            raise UsageError("browser='cdp:…' needs aiohttp: pip install 'envgym[web]'") from error
        session = aiohttp.ClientSession()
        try:
            if url.startswith(("http://", "https://")):
                async with session.get(url.rstrip("/") + "/json/version") as answer:
                    url = (await answer.json())["webSocketDebuggerUrl"]
            socket = await session.ws_connect(url, max_msg_size=_MOST_BYTES, heartbeat=30)
        except BaseException as error:
            await session.close()
            if isinstance(error, (aiohttp.ClientError, OSError, KeyError, ValueError)):
                raise Fault(f"no browser answers at {url}: {error}") from error
            raise
        return cls(session, socket)

    def send(self, message: dict[str, Any]) -> None:
        """See `Transport`."""
        self._sending.put_nowait(json.dumps(message))

    def listen(self, deliver: Deliver) -> None:
        """See `Transport`."""
        self._tasks.append(asyncio.create_task(self._receive_all(deliver)))

    async def close(self) -> None:
        """See `Transport`."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._socket.close()
        await self._session.close()

    async def _send_all(self) -> None:
        while True:
            await self._socket.send_str(await self._sending.get())

    async def _receive_all(self, deliver: Deliver) -> None:
        from aiohttp import WSMsgType

        try:
            while (frame := await self._socket.receive()).type is WSMsgType.TEXT:
                deliver(json.loads(frame.data))
        finally:
            deliver(None)
