"""Search server: one index over HTTP for the environments of many processes.

``POST /find {"query", "count"}`` returns ``{"pages": [{"id", "title", "text"}]}``; ``POST /page
{"title"}`` returns ``{"page": … or null, "near": [titles]}``; ``GET /health`` returns the number of
pages, after a successful lookup. A bad request is answered with 400 and ``{"error": why}``.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from typing import Any

from aiohttp import web

from envgym.environments.search.corpus import Passage
from envgym.environments.search.retrieval.index import Bm25Index
from envgym.environments.search.retrieval.retriever import best, by_title

MOST_PAGES = 100
_MOST_BYTES = 64 << 10


class SearchService:
    """HTTP handlers over one immutable index."""

    def __init__(self, index: Bm25Index) -> None:
        self._index = index

    def app(self) -> web.Application:
        """The web application."""
        app = web.Application(client_max_size=_MOST_BYTES)
        app.router.add_post("/find", self._find)
        app.router.add_post("/page", self._page)
        app.router.add_get("/health", self._health)
        return app

    async def _find(self, request: web.Request) -> web.Response:
        body = await _body(request)
        query, count = _text(body, "query"), body.get("count", 3)
        if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= MOST_PAGES:
            raise _wrong(f"count is {count!r}: ask for 1 to {MOST_PAGES} pages")
        # In a thread: a search over a large corpus would block other requests.
        found = await asyncio.to_thread(best, self._index, query, count)
        return web.json_response({"pages": [asdict(page) for page in found]})

    async def _page(self, request: web.Request) -> web.Response:
        title = _text(await _body(request), "title")
        found, near = await asyncio.to_thread(by_title, self._index, title)
        return web.json_response({"page": _row(found), "near": near})

    async def _health(self, request: web.Request) -> web.Response:
        first = self._index.passages[0]
        found = await asyncio.to_thread(best, self._index, first.title, 1)
        if not found:
            return web.json_response({"error": "its first page is not found"}, status=503)
        return web.json_response({"status": "ok", "pages": len(self._index)})


def _row(page: Passage | None) -> dict[str, Any] | None:
    return None if page is None else asdict(page)


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.read())
    except (ValueError, RecursionError) as error:
        raise _wrong("the body is no JSON") from error
    if not isinstance(body, dict):
        raise _wrong("the body is no JSON object")
    return body


def _text(body: dict[str, Any], key: str) -> str:
    value = body.get(key)
    if not isinstance(value, str):
        raise _wrong(f"{key!r} is not there, or no string")
    return value


def _wrong(why: str) -> web.HTTPBadRequest:
    return web.HTTPBadRequest(text=json.dumps({"error": why}), content_type="application/json")
