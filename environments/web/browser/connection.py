"""DevTools connection: commands with results, and events, for many tabs at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count
from typing import Any

from envgym.environments.web.browser.transport import Transport
from envgym.errors import Fault

Handler = Callable[[str, dict[str, Any]], None]
"""Receives an event's method and parameters; runs on the event loop and must not block."""


class ProtocolError(Exception):
    """Refusal of a command by the browser."""


class Connection:
    """Commands and events over one transport.

    Commands of one tab are handled in the order in which they are sent, so a caller may send
    several and wait for the last.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._numbers = count(1)
        self._waiting: dict[int, tuple[str | None, asyncio.Future[dict[str, Any]]]] = {}
        self._handlers: dict[str | None, Handler] = {}
        self.gone = False
        transport.listen(self._deliver)

    def listen(self, session: str | None, handler: Handler) -> None:
        """Deliver the events of a session (None: the browser itself) to `handler`."""
        self._handlers[session] = handler

    def call(
        self, method: str, session: str | None = None, /, **parameters: Any
    ) -> asyncio.Future[dict[str, Any]]:
        """Send a command; the future has its result.

        Raises:
            Fault: (``infra``; by the future too) The browser or the tab is gone.
            ProtocolError: (by the future) The browser refuses it.
        """
        if self.gone:
            raise Fault("the browser is gone")
        number = next(self._numbers)
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = session, future
        message: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if session is not None:
            message["sessionId"] = session
        self._transport.send(message)
        return future

    def drop(self, session: str, why: str) -> None:
        """Forget a session; its commands under way fail with an infrastructure fault."""
        self._handlers.pop(session, None)
        for number, (of, future) in list(self._waiting.items()):
            if of == session:
                del self._waiting[number]
                _fail(future, why)

    async def close(self) -> None:
        """End the connection; commands under way fail. Safe to call twice."""
        self._end("the browser was closed")
        await self._transport.close()

    def _deliver(self, message: dict[str, Any] | None) -> None:
        if message is None:
            self._end("the browser is gone")
            return
        if (number := message.get("id")) is None:
            handler = self._handlers.get(message.get("sessionId"))
            if handler is not None:
                handler(message["method"], message.get("params", {}))
            return
        _, future = self._waiting.pop(number, (None, None))
        if future is None or future.done():
            return
        if "error" in message:
            future.set_exception(ProtocolError(message["error"].get("message", "refused")))
            future.exception()  # marked as seen: not every command is waited for
        else:
            future.set_result(message["result"])

    def _end(self, why: str) -> None:
        if self.gone:
            return
        self.gone = True
        for _, future in self._waiting.values():
            _fail(future, why)
        self._waiting.clear()
        if (handler := self._handlers.get(None)) is not None:
            handler("gone", {})


def _fail(future: asyncio.Future[dict[str, Any]], why: str) -> None:
    if not future.done():
        future.set_exception(Fault(why))
        future.exception()
