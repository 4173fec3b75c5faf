"""Live server of the page, for a run that is still training.

By default it answers only this machine, and only under the host names that it listens on: a web
page that points a name of its own at this address (DNS rebinding) reads nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import Any

from aiohttp import web

from envgym.errors import UsageError
from envgym.utils.http_server import listen
from envgym.view.page import as_json, encode, render
from envgym.view.page_data import LIVE, RunData
from envgym.view.run_folder import Folder

_LOCAL = ("127.0.0.1", "localhost", "::1")


class Viewer:
    """Request handler for one folder."""

    def __init__(self, directory: Path) -> None:
        self._run = RunData(Folder(directory), LIVE)
        self._busy = asyncio.Lock()  # reading happens in a thread, one request at a time
        self._known: tuple[str, dict[str, Any]] | None = None

    def app(self, host: str) -> web.Application:
        """Make the web application; where `host` is this machine, other host names are refused."""
        app = web.Application(middlewares=[_only_local] if host in _LOCAL else [])
        app.router.add_get("/", self._page)
        app.router.add_get("/data", self._data)
        app.router.add_get("/episode", self._episode)
        return app

    async def _page(self, request: web.Request) -> web.Response:
        _, data = await self._overview()
        body = await asyncio.to_thread(render, data, live=True)
        return _answer(body, "text/html")

    async def _data(self, request: web.Request) -> web.Response:
        tag, data = await self._overview()
        if request.headers.get("If-None-Match") == f'"{tag}"':
            return web.Response(status=304)
        answer = _answer(encode(as_json(data)), "application/json")
        answer.etag = tag
        return answer

    async def _episode(self, request: web.Request) -> web.Response:
        try:
            async with self._busy:
                found = await asyncio.to_thread(self._run.episode, request.query.get("key", ""))
        except UsageError as error:
            return web.Response(status=404, text=str(error))
        return _answer(encode(as_json(found)), "application/json")

    async def _overview(self) -> tuple[str, dict[str, Any]]:
        async with self._busy:
            stamp = await asyncio.to_thread(self._run.folder.stamp)
            if self._known is None or self._known[0] != stamp:
                self._known = stamp, await asyncio.to_thread(self._run.overview)
            return hashlib.sha256(stamp.encode()).hexdigest()[:16], self._known[1]


async def serve(directory: Path, host: str, port: int, ready: Any = None) -> None:
    """Serve the page until cancelled.

    Args:
        port: 0 takes any free one.
        ready: Called with the address once it answers.

    Raises:
        UsageError: There is nothing to show, or the port is taken.
    """
    await listen(Viewer(directory).app(host), host, port, ready)


def _answer(body: bytes, kind: str) -> web.Response:
    answer = web.Response(body=body, content_type=kind, charset="utf-8")
    answer.enable_compression()
    answer.headers["Cache-Control"] = "no-cache"
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer


@web.middleware
async def _only_local(request: web.Request, handler: Any) -> web.StreamResponse:
    if (request.url.host or "") not in _LOCAL:
        raise web.HTTPForbidden(text="ask by 127.0.0.1 or localhost")
    return await handler(request)
