"""A JSON client that outlives bad weather: retries, backoff, deadlines, bounded concurrency.

All that ask servers share it, so that each says the same about whose fault a failure is: a wrong
key or address is the caller's, an overloaded or broken server is infrastructure.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from envgym.errors import Fault, UsageError

if TYPE_CHECKING:
    import aiohttp

_LONGEST_PAUSE = 60.0


class Refused(Exception):
    """The server understood the request and will not do it (a 4xx that no retry mends)."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Later(Exception):
    """Worth another try, after `pause` seconds where the server named a time."""

    def __init__(self, message: str, pause: float | None = None) -> None:
        super().__init__(message)
        self.pause = pause


class JsonClient:
    """Posts JSON to one server over one reused session.

    Args:
        base_url: What paths are appended to.
        headers: Sent with every request.
        timeout: Seconds for one try.
        retries: Further tries after a 408, 409, 429, 5xx, a broken answer or a lost connection.
        backoff: Seconds before the first retry; doubled for each, with jitter, unless the server
            says when (``Retry-After``).
        concurrency: Requests in flight at once; the others wait their turn.
    """

    def __init__(
        self,
        base_url: str,
        headers: Mapping[str, str] | None = None,
        *,
        timeout: float = 120.0,
        retries: int = 5,
        backoff: float = 0.5,
        concurrency: int = 64,
    ) -> None:
        if not base_url.startswith(("http://", "https://")):
            raise UsageError(f"base_url must begin with http:// or https://, not {base_url!r}")
        if find_spec("aiohttp") is None:
            raise UsageError("asking servers needs aiohttp: pip install 'envgym[api]'")
        self.base_url = base_url.rstrip("/")
        self._headers = dict(headers or {})
        self._timeout = timeout
        self._retries = retries
        self._backoff = backoff
        self._jitter = random.Random()
        self._gate = asyncio.Semaphore(concurrency)
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    async def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Post `body`; returns the answer, a JSON object.

        Raises:
            Refused: A 4xx that trying again does not mend.
            Fault: (``infra``) It failed at every try.
            UsageError: The client is closed.
        """
        async with self._gate:  # kept while backing off: an overloaded server gets fewer requests
            for attempt in range(self._retries + 1):
                try:
                    return await self._try(path, body)
                except _Later as error:
                    if attempt == self._retries:
                        raise Fault(
                            f"{self.base_url}{path} failed {attempt + 1} times; last: {error}"
                        ) from error
                    pause = error.pause
                if pause is None:
                    pause = self._backoff * 2**attempt * self._jitter.uniform(0.75, 1.25)
                await asyncio.sleep(min(pause, _LONGEST_PAUSE))
        raise AssertionError("unreachable")

    async def close(self) -> None:
        """Close the session; safe to call twice."""
        self._closed = True
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _try(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        import aiohttp

        try:
            async with self._open().post(f"{self.base_url}{path}", json=body) as response:
                text = await response.text(errors="replace")
                status, after = response.status, response.headers.get("Retry-After", "")
        except TimeoutError as error:
            raise _Later(f"no answer within {self._timeout:g} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise _Later(f"{type(error).__name__}: {error}") from error
        if status in (408, 409, 429) or status >= 500:
            pause = float(after) if after.isdecimal() else None
            raise _Later(f"HTTP {status}: {_reason(text)}", pause)
        if status >= 400:
            raise Refused(status, _reason(text))
        try:
            answer = json.loads(text)
        except ValueError as error:
            raise _Later(f"its answer is no JSON: {text[:200]!r}") from error
        if not isinstance(answer, dict):
            raise _Later(f"its answer is no JSON object: {text[:200]!r}")
        return answer

    def _open(self) -> aiohttp.ClientSession:
        if self._closed:
            raise UsageError("the client is closed: make a new one")
        if self._session is None:
            import aiohttp

            self._session = aiohttp.ClientSession(
                headers=self._headers,
                timeout=aiohttp.ClientTimeout(total=self._timeout),
                connector=aiohttp.TCPConnector(limit=0),  # the gate is the limit
            )
        return self._session


def _reason(text: str) -> str:
    """What a server's error body says, shortened."""
    try:
        error = json.loads(text)
        error = error.get("error", error)
        text = str(error.get("message", error) if isinstance(error, dict) else error)
    except (ValueError, AttributeError):
        pass
    return text[:500]
