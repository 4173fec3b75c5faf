"""JSON client with retries, backoff, deadlines and bounded concurrency.

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
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from envgym.errors import Fault, UsageError
from envgym.utils.rate_limit import LONGEST_PAUSE_S, RateLimit, retry_after

if TYPE_CHECKING:
    import aiohttp

_QUOTA = "insufficient_quota"
"""Error code of an account without credit, sent with the status of a rate limit."""


class Refused(Exception):
    """Error of a request that the server refuses (a 4xx): retrying does not help."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Later(Exception):
    """Worth another try, after `pause` seconds where the server named a time."""

    def __init__(self, message: str, pause: float | None = None) -> None:
        super().__init__(message)
        self.pause = pause


class JsonClient:
    """Client that posts JSON to one server over one reused session.

    ``HTTP_PROXY``, ``HTTPS_PROXY``, ``ALL_PROXY`` and ``NO_PROXY`` are honoured.

    Args:
        base_url: Base address; paths are appended to it.
        headers: Sent with every request.
        timeout: Seconds for one try.
        retries: Further tries after a 408, 409, 429, 5xx, a broken answer or a lost connection.
        backoff: Seconds before the first retry; doubled for each, with jitter, unless the server
            says when (``Retry-After``).
        concurrency: Requests in flight at once; the others wait their turn.

    Attributes:
        limit: The server's rate limit; set it to share one with other clients of that server.
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
        self.limit = RateLimit()
        self._proxy: str | None = None
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    async def post(
        self, path: str, body: Mapping[str, Any], *, tokens: float = 0.0
    ) -> dict[str, Any]:
        """Post `body`; return the answer, a JSON object.

        Args:
            tokens: Number of tokens to reserve under a token limit, until the real number is known.

        Raises:
            Refused: A 4xx that trying again does not fix.
            Fault: (``infra``) It failed at every try.
            UsageError: The client is closed.
        """
        async with self._gate:  # kept while backing off: an overloaded server gets fewer requests
            for attempt in range(self._retries + 1):
                try:
                    return await self._try(path, body, tokens)
                except _Later as error:
                    if attempt == self._retries:
                        raise Fault(
                            f"{self.base_url}{path} failed {attempt + 1} times; last: {error}"
                        ) from error
                    pause = error.pause
                if pause is None:
                    pause = self._backoff * 2**attempt * self._jitter.uniform(0.75, 1.25)
                await asyncio.sleep(min(pause, LONGEST_PAUSE_S))
        raise AssertionError("unreachable")

    async def close(self) -> None:
        """Close the session; safe to call twice."""
        self._closed = True
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _try(self, path: str, body: Mapping[str, Any], tokens: float) -> dict[str, Any]:
        session = self._open()
        await self.limit.admit(tokens)
        answered = False
        try:
            answer = await self._ask(session, path, body)
            answered = True
        finally:
            if not answered:
                self.limit.settle(-tokens)
        return answer

    async def _ask(
        self, session: aiohttp.ClientSession, path: str, body: Mapping[str, Any]
    ) -> dict[str, Any]:
        import aiohttp

        through = f" (through the proxy {_bare(self._proxy)})" if self._proxy else ""
        try:
            url = f"{self.base_url}{path}"
            async with session.post(url, json=body, proxy=self._proxy) as response:
                text = await response.text(errors="replace")
                status, headers = response.status, response.headers
        except TimeoutError as error:
            raise _Later(f"no answer within {self._timeout:g} s{through}") from error
        except (aiohttp.ClientError, OSError) as error:
            raise _Later(f"{type(error).__name__}: {error}{through}") from error
        self.limit.note(headers)
        if status == 429 and _QUOTA in text:
            raise Refused(402, error_text(text))
        if status in (408, 409, 429) or status >= 500:
            pause = retry_after(headers)
            if pause is not None and status in (429, 503):
                self.limit.pause(pause)
            raise _Later(f"HTTP {status}: {error_text(text)}", pause)
        if status >= 400:
            raise Refused(status, error_text(text))
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

            self._proxy = _proxy_for(self.base_url)
            self._session = aiohttp.ClientSession(
                headers=self._headers,
                timeout=aiohttp.ClientTimeout(total=self._timeout),
                connector=aiohttp.TCPConnector(limit=0),  # the gate is the limit
            )
        return self._session


def _proxy_for(url: str) -> str | None:
    """The proxy that the environment's variables name for `url`, or None.

    aiohttp's own ``trust_env`` would also take a login from ``~/.netrc`` in place of the key.
    """
    parts = urlsplit(url)
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    names = (parts.netloc.rpartition("@")[2], parts.hostname or "")  # with its port, and without
    if not proxy or any(proxy_bypass(name) for name in names):
        return None
    if "://" not in proxy:
        proxy = f"http://{proxy}"
    if not proxy.startswith(("http://", "https://")):
        raise UsageError(
            f"cannot use the proxy {_bare(proxy)}: {parts.scheme.upper()}_PROXY must name an "
            f"http:// one, or NO_PROXY={parts.hostname} leave this server out"
        )
    return proxy


def _bare(proxy: str) -> str:
    """A proxy's address without its login."""
    scheme, _, rest = proxy.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


def error_text(text: str) -> str:
    """Message of a server's error body, shortened."""
    try:
        error = json.loads(text)
        error = error.get("error", error)
        text = str(error.get("message", error) if isinstance(error, dict) else error)
    except (ValueError, AttributeError):
        pass
    return text[:500]
