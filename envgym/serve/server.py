"""Server of registered environments: many sessions in one process on one event loop.

``GET /FAMILY/NAME-vN`` upgraded to a WebSocket is one stream of episodes (`envgym.serve.session`);
``POST`` to the same address answers what is asked without waiting for an episode. ``/health``
resets an environment for real, ``/metrics`` is Prometheus'.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from aiohttp import WSMsgType, web

from envgym.errors import EnvgymError, Fault, UsageError, suggest
from envgym.registry import specs
from envgym.serve.instance_cache import InstanceCache, new_env
from envgym.serve.metrics import Metrics
from envgym.serve.protocol.failures import failed
from envgym.serve.protocol.frames import (
    ASKED,
    MAX_BYTES,
    MESSAGE_LIMIT,
    OPENING,
    Open,
    decode,
    encode,
)
from envgym.serve.protocol.sockets import allow_files, keep_alive
from envgym.serve.session import Session
from envgym.utils.http_server import listen, server_token

log = logging.getLogger("envgym.serve")

CAPACITY = 2048
STOP_S = 10.0
"""Seconds for requests in progress when the server stops."""
_FIRST_FRAME_S = 10.0
_CLOSE_S = 2.0
"""Seconds for a client to answer a close frame."""
_PING_EVERY_S = 20.0
_HEALTH_S = 30.0
_OPEN_TO_ALL = ("/health", "/metrics")


class EnvServer:
    """WebSocket and HTTP server of environments.

    Args:
        ids: Environments to serve, as `make` accepts them; all registered ones when empty.
        health: Subset of `ids` that ``/health`` resets; when empty all of `ids`, or the first
            of everything registered.
        capacity: Maximum number of sessions; any further one is refused at once.
        token: Token that clients must send; None admits all.

    Raises:
        UsageError: An unknown id, or a capacity that cannot be.
    """

    def __init__(
        self,
        ids: Sequence[str] = (),
        *,
        health: Sequence[str] = (),
        capacity: int = CAPACITY,
        token: str | None = None,
    ) -> None:
        if capacity < 1:
            raise UsageError(f"capacity must be at least 1, not {capacity}")
        self.ids = _served(ids)
        self.metrics = Metrics()
        if unserved := sorted(set(health) - set(self.ids.values())):
            raise UsageError(f"health asks for {', '.join(unserved)}: name only what is served")
        self._proving = list(health) or list(self.ids.values())[: None if ids else 1]
        self._capacity, self._token = capacity, token
        self._instances = InstanceCache()
        self._sessions: dict[str, tuple[Session, asyncio.Task[Any]]] = {}
        self._held = 0  # open sessions, those that are just beginning included
        self._stopping = False
        self._health = asyncio.Lock()
        self.metrics.capacity.set(capacity)

    @property
    def sessions(self) -> int:
        """Number of open sessions."""
        return self._held

    def app(self) -> web.Application:
        """Make the web application."""
        app = web.Application(middlewares=[self._guard], client_max_size=MAX_BYTES)
        app.router.add_get("/health", self._answer_health)
        app.router.add_get("/metrics", self._answer_metrics)
        app.router.add_get("/{id:.+}", self._answer_socket)
        app.router.add_post("/{id:.*}", self._answer_post)
        app.cleanup_ctx.append(self._pinging)
        return app

    async def stop(self) -> None:
        """Refuse new requests, answer those in progress, close every session and environment."""
        self._stopping = True
        log.info("stopping: %d sessions", len(self._sessions))
        for session, _ in list(self._sessions.values()):
            session.leave()
        for cancelled in (False, True):
            handlers = [task for _, task in self._sessions.values()]
            if handlers:
                await asyncio.wait(handlers, timeout=STOP_S)
            if not cancelled:
                for _, task in self._sessions.values():
                    log.warning("a session has not ended within %g s: it is cut", STOP_S)
                    task.cancel()
        await self._instances.close()

    # --- authorization --------------------------------------------------------------------------

    @web.middleware
    async def _guard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if request.path not in _OPEN_TO_ALL:
            if "Origin" in request.headers:  # a web page in a browser, not a client
                return self._refused(403, "browsers are not served", "browser", request)
            if self._token is not None:
                given = request.headers.get("Authorization", "")
                if not hmac.compare_digest(given.encode(), f"Bearer {self._token}".encode()):
                    text = "wrong token: set ENVGYM_TOKEN_FILE to a file that holds the server's"
                    return self._refused(401, text, "token", request)
        return await handler(request)

    def _refused(self, status: int, text: str, why: str, request: web.Request) -> web.Response:
        self.metrics.refused.labels(why).inc()
        log.warning("refused %s from %s: %s", request.path, request.remote, text)
        return _json(failed(UsageError(text)), status)

    def _id(self, request: web.Request) -> str:
        """Argument of `make` for the environment of the request's path."""
        name = request.match_info["id"]
        if name not in self.ids:
            missing = f"no environment {name!r}" if name else "the address names no environment"
            near = suggest(name, self.ids).partition(" Known:")[0] if name else ""
            raise UsageError(f"{missing}.{near} Served here: {', '.join(self.ids)}.")
        return self.ids[name]

    # --- without an episode ---------------------------------------------------------------------

    async def _answer_post(self, request: web.Request) -> web.Response:
        name = request.match_info["id"]
        try:
            id, asked = self._id(request), decode(ASKED, await request.read())
            if asked["op"] in ("hints", "near_misses"):
                if asked["session"] not in self._sessions:
                    raise Fault("the session is over")
                session = self._sessions[asked["session"]][0]
                hints = asked["op"] == "hints"
                return _json(session.hints(asked) if hints else session.near_misses())
            instance = await self._instances.get(id, asked["kwargs"])
            if asked["op"] == "describe":
                return _json(await instance.describe())
            return _json(await instance.tasks(asked))
        except Exception as error:
            failure = failed(error, what=name)
            if not isinstance(error, EnvgymError):
                log.warning("%s", failure["message"], exc_info=error)
            self.metrics.errors.labels(failure["kind"] or failure["error"]).inc()
            return _json(failure, 400 if isinstance(error, UsageError) else 500)

    async def _answer_health(self, request: web.Request) -> web.Response:
        """Resets every environment that health goes by."""
        state = {"sessions": self._held, "capacity": self._capacity}
        try:
            async with asyncio.timeout(_HEALTH_S), self._health:
                if self._stopping:
                    raise Fault("the server is stopping")
                for id in self._proving:
                    await self._instances.get(id, {})  # keeps the shared resources open
                    env = new_env(id, {})
                    try:
                        await env.reset(seed=0)
                    finally:
                        await env.close()
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
            log.warning("not healthy: %s", text)
            return web.json_response({"ok": False, "error": text, **state}, status=503)
        return web.json_response({"ok": True, **state})

    async def _answer_metrics(self, request: web.Request) -> web.Response:
        return web.Response(body=self.metrics.text(), content_type="text/plain", charset="utf-8")

    # --- sessions -------------------------------------------------------------------------------

    async def _answer_socket(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(timeout=_CLOSE_S, max_msg_size=MESSAGE_LIMIT, compress=False)
        if not socket.can_prepare(request).ok:
            return _json(failed(UsageError("open this address as a WebSocket, or POST to it")), 426)
        await socket.prepare(request)
        assert request.transport is not None
        keep_alive(request.transport.get_extra_info("socket"))
        try:
            await self._serve(request, socket)
        except Exception as error:
            failure = failed(error, what=request.match_info["id"])
            log.warning("refused %s: %s", request.path, failure["message"])
            with contextlib.suppress(ConnectionError, RuntimeError):
                await socket.send_str(encode(failure))
                await socket.close(code=1008)
        return socket

    async def _serve(self, request: web.Request, socket: web.WebSocketResponse) -> None:
        """Take a place, make the environment, and hand over to the session."""
        why = "stopping" if self._stopping else "capacity" if self._held >= self._capacity else ""
        if why:
            self.metrics.refused.labels(why).inc()
            raise Fault(
                "the server is stopping"
                if self._stopping
                else f"the server is full: all {self._capacity} places are taken; start it with a "
                "larger --capacity, or play fewer episodes at once"
            )
        self._held += 1
        self.metrics.sessions.set(self._held)
        try:
            id, opening = self._id(request), await _first_frame(socket)
            await self._instances.get(id, opening["kwargs"])
            env, name = new_env(id, opening["kwargs"]), request.match_info["id"]
            session = Session(name, env, socket, self.metrics, opening["id"])
            handler = asyncio.current_task()
            assert handler is not None
            self._sessions[session.id] = session, handler
            self.metrics.opened.inc()
            try:
                await session.run()
            finally:
                del self._sessions[session.id]
        finally:
            self._held -= 1
            self.metrics.sessions.set(self._held)

    async def _pinging(self, app: web.Application) -> Any:
        async def ping() -> None:
            while True:
                await asyncio.sleep(_PING_EVERY_S)
                await asyncio.gather(*(s.ping() for s, _ in self._sessions.values()))

        pinging = asyncio.create_task(ping())
        yield
        pinging.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await pinging


async def serve(
    ids: Sequence[str] = (),
    *,
    health: Sequence[str] = (),
    host: str = "127.0.0.1",
    port: int = 8080,
    capacity: int = CAPACITY,
    token_file: Path | None = None,
    ready: Callable[[str, EnvServer], None] | None = None,
) -> None:
    """Serve until SIGTERM, or until cancelled, then stop in order.

    Args:
        port: 0 takes any free one.
        ready: Called with the address once it answers.

    Raises:
        UsageError: See `EnvServer`; the port is taken; no token where others can reach it.
    """
    token = server_token(token_file, host)
    allow_files(capacity)
    server = EnvServer(ids, health=health, capacity=capacity, token=token)
    app = server.app()
    app.on_shutdown.append(lambda _: server.stop())

    def announce(address: str) -> None:
        if ready is not None:
            ready(address.replace("http:", "ws:").rstrip("/"), server)

    await listen(app, host, port, announce, last_words_s=_CLOSE_S, backlog=1024)


def _served(ids: Sequence[str]) -> dict[str, str]:
    """Arguments of `make` by path; a class given by its path is served under its own id."""
    known = specs()
    if not ids:
        return {id: id for id in known}
    served: dict[str, str] = {}
    for id in ids:
        if ":" in id:
            served[f"{id.partition(':')[2].lower()}-v0"] = id
        elif id in known:
            served[id] = id
        else:
            raise UsageError(f"no environment {id!r}.{suggest(id, known)} `envgym list` shows all.")
    return served


async def _first_frame(socket: web.WebSocketResponse) -> Open:
    try:
        message = await socket.receive(timeout=_FIRST_FRAME_S)
    except TimeoutError:
        raise UsageError(f"no frame within {_FIRST_FRAME_S:g} s: open an environment") from None
    if message.type is not WSMsgType.TEXT:
        raise UsageError("bad frame: no text; the first one opens an environment")
    return decode(OPENING, message.data)


def _json(frame: Mapping[str, Any], status: int = 200) -> web.Response:
    try:
        text = encode(frame)
    except UsageError as error:
        text, status = encode(failed(Fault(f"an answer {error}", "env"))), 500
    return web.Response(text=text, status=status, content_type="application/json")
