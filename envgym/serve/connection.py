"""Client connection of one socket: requests, replies, cancellation and loss.

Every failure of the socket is a `Fault` of kind ``infra``. Cancelling a request here also cancels
it on the server, and the socket stays usable: late replies are matched by request number and
dropped.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Mapping
from typing import Any

from aiohttp import (
    ClientError,
    ClientSession,
    ClientTimeout,
    ClientWebSocketResponse,
    ClientWSTimeout,
    DummyCookieJar,
    TCPConnector,
    WSMsgType,
    WSServerHandshakeError,
)
from pydantic import TypeAdapter

from envgym.errors import Fault, UsageError
from envgym.serve.protocol.failures import raised
from envgym.serve.protocol.frames import (
    MESSAGE_LIMIT,
    OPENED,
    REPLIES,
    Cancel,
    Open,
    decode,
    encode,
)
from envgym.serve.protocol.sockets import keep_alive
from envgym.serve.remote_info import unreachable

_CONNECT_S = 20.0
_FAREWELL_S = 2.0
_CODES = {1001: "the server is stopping", 1008: "the server refused a frame"}


class Connection:
    """An open socket; `lost` once it can no longer be used."""

    def __init__(self, url: str, http: ClientSession, socket: ClientWebSocketResponse) -> None:
        self._url, self._http, self._socket = url, http, socket
        self._numbers = itertools.count(1)
        self.session = ""
        self.lost = False
        self._asking = False

    @classmethod
    async def open(
        cls, url: str, headers: Mapping[str, str], kwargs: Mapping[str, Any]
    ) -> Connection:
        """Connect, and have the server make an instance.

        Raises:
            Fault: The server does not answer, or is at its capacity.
            UsageError: It refuses the token, the id or the arguments.
        """
        http = ClientSession(
            connector=TCPConnector(limit=1, use_dns_cache=False),
            cookie_jar=DummyCookieJar(),
            timeout=ClientTimeout(total=None, sock_connect=_CONNECT_S),
        )
        try:
            socket = await http.ws_connect(
                url,
                headers=headers,
                max_msg_size=MESSAGE_LIMIT,
                timeout=ClientWSTimeout(ws_close=_FAREWELL_S),
            )
        except BaseException as error:
            await http.close()
            if isinstance(error, WSServerHandshakeError) and error.status in (401, 403):
                raise UsageError(f"{url} refuses the token: set ENVGYM_TOKEN_FILE") from None
            if isinstance(error, ClientError | OSError):
                raise unreachable(url, error) from error
            raise
        connection = cls(url, http, socket)
        try:
            keep_alive(socket.get_extra_info("socket"))
            opening: Open = {"op": "open", "id": connection.next(), "kwargs": dict(kwargs)}
            connection.session = (await connection.ask(opening, OPENED))["session"]
        except BaseException:
            await connection.close()
            raise
        return connection

    def next(self) -> int:
        """Return the next request number."""
        return next(self._numbers)

    async def ask(self, request: Mapping[str, Any], form: TypeAdapter[Any] = REPLIES) -> Any:
        """Send a request and wait for its reply frame.

        Raises:
            EnvgymError: The server raised it.
            UsageError: Another request has not been answered yet.
            Fault: The socket is lost.
        """
        if self._asking:
            raise UsageError("one thing at a time: await the step or reset before the next one")
        text = encode(request)
        self._asking = True
        try:
            with contextlib.suppress(ClientError, ConnectionError):  # its last words may wait
                await self._socket.send_str(text)
            while True:
                message = await self._socket.receive()
                if message.type is not WSMsgType.TEXT:
                    said = message.data if message.type is WSMsgType.CLOSE else None
                    raise self._loss(None, said)
                reply = self._read(message.data, form)
                if reply["id"] in (request["id"], 0):
                    break
        except asyncio.CancelledError:
            self._tell({"op": "cancel", "id": request["id"]})
            raise
        except (ClientError, ConnectionError, RuntimeError) as error:
            raise self._loss(error) from error
        finally:
            self._asking = False
        if reply["re"] == "failed":
            raise raised(reply)
        return reply

    async def close(self) -> None:
        """Close the socket; safe to call twice."""
        self.lost = True
        try:
            with contextlib.suppress(ClientError, ConnectionError, RuntimeError):
                await self._socket.close()
        finally:
            await self._http.close()

    def _tell(self, frame: Cancel) -> None:
        """Write a frame without waiting, because the caller is being cancelled."""
        writing = self._socket.send_str(encode(frame))
        try:
            writing.send(None)  # written by now; what it would wait for is the network's pace
        except (StopIteration, ClientError, ConnectionError, RuntimeError):
            return
        writing.close()

    def _read(self, text: str, form: TypeAdapter[Any]) -> Any:
        try:
            return decode(form, text)
        except UsageError as error:
            self.lost = True
            raise Fault(f"{self._url} answers in another language: {error}") from error

    def _loss(self, why: BaseException | None, code: int | None = None) -> Fault:
        """The socket is gone, or going: the server said why by a code, or something broke."""
        self.lost = True
        reason = why or self._socket.exception()
        said = _CODES.get(code or 0) or (
            f"{type(reason).__name__}: {reason}" if reason else f"code {code}"
        )
        return Fault(f"the connection to {self._url} is lost ({said})")
