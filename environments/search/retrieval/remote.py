"""Client of a search server (``envgym search serve``), for corpora too large for every process."""

from __future__ import annotations

from typing import Any

from envgym.environments.search.corpus import Passage
from envgym.errors import Fault, UsageError
from envgym.utils.http_client import JsonClient, Refused

_TIMEOUT_S = 30.0


class RemoteRetriever:
    """Retriever on one server; see `Retriever`.

    Args:
        url: Its address, such as ``http://127.0.0.1:8090``.
        retries: Further tries where the server is busy or broken.
    """

    def __init__(self, url: str, *, retries: int = 3) -> None:
        self._client = JsonClient(url, timeout=_TIMEOUT_S, retries=retries)

    async def find(self, query: str, count: int) -> list[Passage]:
        """See `Retriever`.

        Raises:
            Fault: (``infra``) The server is gone, or no search server.
            UsageError: The server rejects the request.
        """
        answer = await self._ask("/find", {"query": query, "count": count})
        return [_passage(row) for row in _list(answer, "pages")]

    async def page(self, title: str) -> tuple[Passage | None, list[str]]:
        """See `Retriever`; raises as `find` does."""
        answer = await self._ask("/page", {"title": title})
        row = answer.get("page")
        return (None if row is None else _passage(row)), [str(t) for t in _list(answer, "near")]

    async def close(self) -> None:
        """Close the connection; safe to call twice."""
        await self._client.close()

    async def _ask(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        try:
            return await self._client.post(path, body)
        except Refused as error:
            if error.status == 404:
                raise Fault(f"{self._client.base_url} is no search server: {error}") from error
            raise UsageError(f"the search server refuses: {error}") from error


def _list(answer: dict[str, Any], key: str) -> list[Any]:
    found = answer.get(key)
    if not isinstance(found, list):
        raise Fault(f"a search server's answer has no {key!r}: {str(answer)[:200]}")
    return found


def _passage(row: Any) -> Passage:
    try:
        return Passage(str(row["id"]), str(row["title"]), str(row["text"]))
    except (KeyError, TypeError) as error:
        raise Fault(f"a search server's page lacks {error}: {str(row)[:200]}") from error
