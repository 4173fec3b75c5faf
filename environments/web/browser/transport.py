"""Transports of the DevTools protocol: a local process's pipe, or a remote browser's WebSocket.

A pipe has no port that another process could connect to, and Chromium ends by itself when its other
end closes: no orphan is left, whatever kills this process.
"""

from __future__ import annotations

import asyncio
import json
import socket
from typing import Any, Protocol

from envgym.errors import Fault, UsageError

_MOST_BYTES = 256 << 20


class Transport(Protocol):
    """A stream of JSON messages to and from a browser."""

    def send(self, message: dict[str, Any]) -> None:
        """Queue a message."""

    async def receive(self) -> dict[str, Any] | None:
        """Return the next message; None once the browser is gone."""

    async def close(self) -> None:
        """End the connection; safe to call twice."""


class PipeTransport:
    """Messages ended by NUL over a socket that the browser has as descriptors 3 and 4."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, end: socket.socket) -> PipeTransport:
        """Make a transport of our end of the socket pair."""
        return cls(*await asyncio.open_unix_connection(sock=end, limit=_MOST_BYTES))

    def send(self, message: dict[str, Any]) -> None:
        """See `Transport`."""
        self._writer.write(json.dumps(message).encode() + b"\0")

    async def receive(self) -> dict[str, Any] | None:
        """See `Transport`."""
        try:
            frame = await self._reader.readuntil(b"\0")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError):
            return None
        return json.loads(frame[:-1])  # type: ignore[no-any-return]

    async def close(self) -> None:
        """See `Transport`."""
        self._writer.close()


class WebSocketTransport:
    """Messages over the WebSocket of a browser that runs elsewhere.

    Use `open`: it takes ``ws://…/devtools/browser/ID`` or ``http://host:port``, whose
    ``/json/version`` names the former.
    """

    def __init__(self, session: Any, socket: Any) -> None:
        self._session = session
        self._socket = socket
        self._sending: asyncio.Queue[str] = asyncio.Queue()
        self._sender = asyncio.create_task(self._send_all())

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

    async def receive(self) -> dict[str, Any] | None:
        """See `Transport`."""
        from aiohttp import WSMsgType

        frame = await self._socket.receive()
        return json.loads(frame.data) if frame.type is WSMsgType.TEXT else None

    async def close(self) -> None:
        """See `Transport`."""
        self._sender.cancel()
        await self._socket.close()
        await self._session.close()

    async def _send_all(self) -> None:
        while True:
            await self._socket.send_str(await self._sending.get())
