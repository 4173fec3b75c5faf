"""Web host of generated sites: one resettable site per episode.

``POST /episodes {"seed", "size"}`` opens an episode and returns ``{"id", "url"}``: its site is
below that address and isolated from other episodes. ``GET /episodes/ID`` returns the visited
addresses, ``POST /episodes/ID/reset`` clears them (and may change the seed), ``DELETE`` ends the
episode. Ids are unguessable, so pages reach no other episode; requests that change state accept
JSON only, which an HTML form cannot send.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from envgym.environments.web.encyclopedia import Encyclopedia, encyclopedia

MOST_EPISODES = 1024
_MOST_VISITS = 10_000
_MOST_PAGES = 10_000
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'"


@dataclass
class _Episode:
    seed: int
    size: int
    visits: list[str] = field(default_factory=list)


class SiteHost:
    """HTTP handlers for episodes and their sites."""

    def __init__(self, most_episodes: int = MOST_EPISODES) -> None:
        self._most = most_episodes
        self._episodes: dict[str, _Episode] = {}

    def app(self) -> web.Application:
        """The web application."""
        app = web.Application(client_max_size=16 << 10)
        app.router.add_post("/episodes", self._open)
        app.router.add_get("/episodes/{id}", self._look)
        app.router.add_post("/episodes/{id}/reset", self._reset)
        app.router.add_delete("/episodes/{id}", self._close)
        app.router.add_get("/e/{id}/", self._home)
        app.router.add_get("/e/{id}/wiki/{title}", self._entry)
        app.router.add_get("/e/{id}/search", self._search)
        app.router.add_get("/health", self._health)
        return app

    async def _open(self, request: web.Request) -> web.Response:
        seed, size = await _world(request, 0, 600)
        if len(self._episodes) >= self._most:
            raise _error(web.HTTPServiceUnavailable, f"all {self._most} episodes are taken")
        await _site(seed, size)
        id = secrets.token_urlsafe(12)
        self._episodes[id] = _Episode(seed, size)
        return web.json_response({"id": id, "url": f"/e/{id}/"}, status=201)

    async def _look(self, request: web.Request) -> web.Response:
        episode = self._episode(request)
        found = {"seed": episode.seed, "size": episode.size, "visits": episode.visits}
        return web.json_response(found)

    async def _reset(self, request: web.Request) -> web.Response:
        episode = self._episode(request)
        seed, size = await _world(request, episode.seed, episode.size)
        await _site(seed, size)
        episode.seed, episode.size, episode.visits = seed, size, []
        return web.json_response({"id": request.match_info["id"], "seed": seed, "size": size})

    async def _close(self, request: web.Request) -> web.Response:
        self._episode(request)
        del self._episodes[request.match_info["id"]]
        return web.json_response({})

    async def _home(self, request: web.Request) -> web.Response:
        base, site = await self._visit(request)
        number = request.query.get("page", "1")
        return _html(site.home(base, int(number) if number.isdecimal() and len(number) < 9 else 1))

    async def _entry(self, request: web.Request) -> web.Response:
        base, site = await self._visit(request)
        title = request.match_info["title"]
        text = site.entry(base, title)
        return _html(site.missing(base, title), 404) if text is None else _html(text)

    async def _search(self, request: web.Request) -> web.Response:
        base, site = await self._visit(request)
        return _html(site.results(base, request.query.get("q", "")))

    async def _health(self, request: web.Request) -> web.Response:
        site = await _site(0, 600)
        title = site.world.passages[0].title
        if site.entry("/", title) is None:
            raise _error(web.HTTPServiceUnavailable, "its first entry is not there")
        return web.json_response({"status": "ok", "episodes": len(self._episodes)})

    async def _visit(self, request: web.Request) -> tuple[str, Encyclopedia]:
        episode = self._episode(request)
        base = f"/e/{request.match_info['id']}/"
        if len(episode.visits) < _MOST_VISITS:
            episode.visits.append("/" + request.path_qs.removeprefix(base))
        return base, await _site(episode.seed, episode.size)

    def _episode(self, request: web.Request) -> _Episode:
        found = self._episodes.get(request.match_info["id"])
        if found is None:
            raise _error(web.HTTPNotFound, "no such episode")
        return found


async def _site(seed: int, size: int) -> Encyclopedia:
    return await asyncio.to_thread(encyclopedia, seed, size)


async def _world(request: web.Request, seed: int, size: int) -> tuple[int, int]:
    """Seed and size in a request."""
    if request.content_type != "application/json":
        raise _error(web.HTTPUnsupportedMediaType, "send application/json")
    try:
        body = json.loads(await request.read() or b"{}")
        seed, size = body.get("seed", seed), body.get("size", size)
    except (ValueError, AttributeError, RecursionError) as error:
        raise _error(web.HTTPBadRequest, "the body is no JSON object") from error
    for name, value, least, most in (("seed", seed, 0, 2**63), ("size", size, 40, _MOST_PAGES)):
        if type(value) is not int or not least <= value <= most:
            raise _error(web.HTTPBadRequest, f"{name} is {value!r}: give {least} to {most}")
    return seed, size


def _error(kind: type[web.HTTPException], why: str) -> web.HTTPException:
    return kind(text=json.dumps({"error": why}), content_type="application/json")


def _html(text: str, status: int = 200) -> web.Response:
    headers: dict[str, Any] = {
        "Content-Security-Policy": _POLICY,
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
    return web.Response(text=text, content_type="text/html", status=status, headers=headers)
