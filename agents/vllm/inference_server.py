"""HTTP client of one inference server, which says apart how a request failed.

Whether a request may be sent again depends on that: after a refusal nothing was sampled, after a
lost connection something may have been, and after a deadline the server may still be sampling.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from envgym.errors import UsageError
from envgym.utils.http_client import Refused, error_text

if TYPE_CHECKING:
    import aiohttp

_ABORT_S = 5.0
_KEEPALIVE_S = 2.0
"""Seconds for which an idle connection is kept: less than uvicorn's 5, else it closes them in the
moment in which a request is sent."""


class Unreachable(Exception):
    """Failure to get a whole reply: the connection was refused, reset or closed."""


class TooSlow(Exception):
    """Failure to get a reply within the deadline."""


class InferenceServer:
    """One server, over one pooled session.

    Args:
        url: Address, without a path.
        token: Token sent as ``Authorization: Bearer``; None sends none.
        timeout: Seconds for a reply, unless a request has its own.

    Attributes:
        asleep: Whether it was put to sleep and not woken since.

    Raises:
        UsageError: The address has no scheme, or aiohttp is missing.
    """

    def __init__(self, url: str, *, token: str | None = None, timeout: float = 1800.0) -> None:
        if not url.startswith(("http://", "https://")):
            raise UsageError(f"a server's address begins with http:// or https://, not {url!r}")
        if find_spec("aiohttp") is None:
            raise UsageError("asking servers needs aiohttp: pip install 'envgym[api]'")
        self.url = url.rstrip("/").removesuffix("/v1")
        self.asleep = False
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._timeout = timeout
        self._session: aiohttp.ClientSession | None = None

    async def post(
        self,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> dict[str, Any]:
        """Post a JSON body; return the JSON object of the reply, empty where it has no body.

        Raises:
            Refused: The server answered with another status than 200.
            Unreachable: No whole reply came.
            TooSlow: The deadline passed.
        """
        return await self._ask("POST", path, body, query, headers, timeout)

    async def get(self, path: str, *, timeout: float | None = None) -> dict[str, Any]:
        """Get a JSON object; failures as for `post`."""
        return await self._ask("GET", path, None, None, None, timeout)

    async def abort(self, request_id: str) -> None:
        """Ask the server to end a request; silent where it cannot be asked or knows none."""
        names = [request_id, f"generate-tokens-{request_id}", f"cmpl-{request_id}-0"]
        try:
            await self.post(
                "/inference/v1/abort_requests", {"request_ids": names}, timeout=_ABORT_S
            )
        except (Refused, Unreachable, TooSlow):
            return  # it has gone, and its requests with it

    async def close(self) -> None:
        """Close the session; safe to call twice."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        query: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
        timeout: float | None,
    ) -> dict[str, Any]:
        import aiohttp

        seconds = self._timeout if timeout is None else timeout
        try:
            async with self._open().request(
                method,
                f"{self.url}{path}",
                json=body,
                params=query,
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=seconds),
            ) as response:
                text, status = await response.text(errors="replace"), response.status
        except TimeoutError as error:
            raise TooSlow(f"{self.url}{path}: no answer within {seconds:g} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise Unreachable(f"{self.url}{path}: {type(error).__name__}: {error}") from error
        if status != 200:
            raise Refused(status, error_text(text) or f"HTTP {status}")
        try:
            answer = json.loads(text or "{}")
        except ValueError as error:
            raise Refused(status, f"its answer is no JSON: {text[:200]!r}") from error
        if not isinstance(answer, dict):
            raise Refused(status, f"its answer is no JSON object: {text[:200]!r}")
        return answer

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            import aiohttp

            connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEPALIVE_S)
            self._session = aiohttp.ClientSession(headers=self._headers, connector=connector)
        return self._session
