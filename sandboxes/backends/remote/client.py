"""Client of a sandbox service: requests with retries, each executed once."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
import uuid
from collections.abc import AsyncIterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from envgym.errors import EnvgymError, Fault, UsageError
from envgym.sandboxes.pool.pool import PoolFull
from envgym.sandboxes.service.config import read_token
from envgym.sandboxes.service.protocol import FRAME, REQUEST_ID, read_error, read_frame
from envgym.sandboxes.supervisor.streams.frames import BadFrame, Frame, pack

if TYPE_CHECKING:
    import aiohttp

_log = logging.getLogger(__name__)
_CONNECT_S = 5.0
_ANSWER_S = 120.0  # for what a service does beside running the program: files, a free sandbox
_CANCEL_S = 2.0
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0
_PIECE = 1 << 20


class _Later(Exception):
    """Retry later, after `pause` seconds if the service named a time."""

    def __init__(self, fault: Fault, pause: float | None = None) -> None:
        super().__init__(str(fault))
        self.fault = fault
        self.pause = pause


class Caller:
    """Client of one service over one reused HTTP session.

    Args:
        url: Base address.
        token_file: File with the token.
        patience_s: Seconds of trouble that a request survives.
    """

    def __init__(self, url: str, token_file: Path, patience_s: float) -> None:
        if not url.startswith(("http://", "https://")):
            raise UsageError(f"url must begin with http:// or https://, not {url!r}")
        if find_spec("aiohttp") is None:
            raise UsageError("remote sandboxes need aiohttp: pip install 'envgym[api]'")
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {read_token(token_file)}"}
        self._patience_s = patience_s
        self._jitter = random.Random()
        self._session: aiohttp.ClientSession | None = None
        self._cancelling: set[asyncio.Task[None]] = set()
        self._closed = False

    async def call(
        self, path: str, header: dict[str, Any], *parts: bytes, runs_s: float = 0.0
    ) -> Frame:
        """Post a frame and return the answer; a cancelled call is cancelled at the service too.

        Args:
            runs_s: Maximum run time of the request's program in seconds.

        Raises:
            Fault: (``infra``) The service or the network failed for longer than `patience_s`.
            UsageError, Denied, SessionLost: As the sandbox itself raises them.
        """
        if self._closed:
            raise UsageError("the backend is closed: open a new one")
        try:
            id, body = uuid.uuid4().hex, pack(header, *parts)
        except BadFrame as error:
            raise UsageError(f"too much for one request: {error}") from error
        try:
            return await self._outlast("POST", path, id, body, runs_s, self._patience_s)
        except asyncio.CancelledError:
            task = asyncio.create_task(self._cancel(id))
            self._cancelling.add(task)
            task.add_done_callback(self._cancelling.discard)
            raise

    async def end(self, path: str, patience_s: float) -> None:
        """Delete an object of the service; without an answer, its lease ends it later."""
        if self._closed:
            return
        try:
            await self._outlast("DELETE", path, uuid.uuid4().hex, b"", 0.0, patience_s)
        except EnvgymError as error:
            _log.info("closing %s: %s", path, error)

    async def close(self) -> None:
        """Close the connections. Idempotent."""
        self._closed = True
        if self._cancelling:
            await asyncio.wait(self._cancelling)
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _outlast(
        self, method: str, path: str, id: str, body: bytes, runs_s: float, patience_s: float
    ) -> Frame:
        trouble: float | None = None
        pause = _FIRST_PAUSE_S
        while True:
            try:
                return await self._try(method, path, id, body, runs_s)
            except _Later as later:
                now = time.monotonic()
                trouble = now if trouble is None else trouble
                wait = later.pause or pause * self._jitter.uniform(0.5, 1.5)
                if now + wait > trouble + patience_s:
                    raise later.fault from later
                await asyncio.sleep(wait)
                pause = min(2 * pause, _LONGEST_PAUSE_S)

    async def _try(self, method: str, path: str, id: str, body: bytes, runs_s: float) -> Frame:
        import aiohttp

        timeout = aiohttp.ClientTimeout(total=runs_s + _ANSWER_S, sock_connect=_CONNECT_S)
        headers = {REQUEST_ID: id}
        if body:
            headers |= {"Content-Type": FRAME, "Content-Length": str(len(body))}
        try:
            async with self._open().request(
                method,
                self._url + path,
                data=_pieces(body) if body else None,
                headers=headers,
                timeout=timeout,
            ) as response:
                answer = await response.read()
                status, after = response.status, response.headers.get("Retry-After", "")
        except TimeoutError as error:
            raise _Later(self._fault("did not answer in time")) from error
        except (aiohttp.ClientError, OSError) as error:
            raise _Later(
                self._fault(f"cannot be reached: {error or type(error).__name__}")
            ) from error
        if status == 200:
            try:
                return read_frame(answer)
            except UsageError as error:
                raise _Later(self._fault(f"does not answer as one does: {error}")) from error
        told = read_error(answer)
        pause = float(after) if after.isdecimal() else None
        if isinstance(told, PoolFull):
            raise _Later(told, pause)
        if told is not None:
            raise told
        if status < 500:
            raise UsageError(f"{self._url} answers {status}: is it a sandbox service?")
        raise _Later(self._fault(f"answers {status}"), pause)

    async def _cancel(self, id: str) -> None:
        with contextlib.suppress(EnvgymError, TimeoutError):
            async with asyncio.timeout(_CANCEL_S):
                await self._outlast("DELETE", f"/v1/requests/{id}", uuid.uuid4().hex, b"", 0.0, 1.0)

    def _fault(self, what: str) -> Fault:
        return Fault(f"sandbox service {self._url} {what}", "infra")

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            import aiohttp

            self._session = aiohttp.ClientSession(
                headers=self._headers,
                read_bufsize=_PIECE,
                connector=aiohttp.TCPConnector(limit=0),  # the service says when it is too much
            )
        return self._session


async def _pieces(body: bytes) -> AsyncIterator[memoryview]:
    view = memoryview(body)
    for begin in range(0, len(view), _PIECE):
        yield view[begin : begin + _PIECE]
