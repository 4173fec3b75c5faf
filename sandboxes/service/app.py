"""Sandbox service as an aiohttp application: authentication, routing, answers."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import secrets
import time
from collections.abc import Awaitable, Callable

from aiohttp import web

from envgym.errors import EnvgymError, Fault, UsageError
from envgym.sandboxes.pool.pool import Pool, PoolFull
from envgym.sandboxes.service.body_stream import Bodies, send
from envgym.sandboxes.service.config import ServiceConfig, Tokens
from envgym.sandboxes.service.health import Health
from envgym.sandboxes.service.idempotency import Idempotency
from envgym.sandboxes.service.metrics import Metrics
from envgym.sandboxes.service.operations import OPERATIONS, Operations
from envgym.sandboxes.service.protocol import (
    REQUEST_ID,
    Gone,
    WrongToken,
    describe,
    error_body,
)
from envgym.sandboxes.supervisor.streams.frames import Frame

_log = logging.getLogger(__name__)
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
Work = Callable[[web.Request, str, Frame], Awaitable[Frame]]


class Service:
    """HTTP application over one pool.

    Args:
        pool: Pool of sandboxes; closed with the service.
        tokens: Tokens of the clients.
        config: Bounds of the service.
        health: Health check.
    """

    def __init__(self, pool: Pool, tokens: Tokens, config: ServiceConfig, health: Health) -> None:
        self._pool, self._tokens, self._config, self._health = pool, tokens, config, health
        self.idempotency = Idempotency(config)
        self._bodies = Bodies(config)
        self._metrics = Metrics(
            pool.measure,
            lambda: self.idempotency.running,
            lambda: self._operations.leases.boxes,
            lambda: self._operations.leases.sessions,
        )
        self._operations = Operations(
            pool, config, lambda r: self._metrics.outcomes.labels(r.outcome).inc()
        )
        self._reaper: asyncio.Task[None] | None = None

    def app(self) -> web.Application:
        """The application; its start-up fills the pool, its clean-up closes it."""
        app = web.Application(client_max_size=0)
        ops = self._operations
        at = app.router.add_route
        at("POST", "/v1/run", self._route("run", lambda r, o, a: ops.run(o, *a)))
        at("POST", "/v1/boxes", self._route("open", lambda r, o, a: ops.open(o, *a)))
        at("POST", "/v1/boxes/{box}/{op}", self._route("box", self._on_box))
        at("DELETE", "/v1/boxes/{box}", self._route("close", self._close_box))
        session = "/v1/boxes/{box}/sessions/{session}"
        at("POST", session + "/{op}", self._route("session", self._on_session))
        at("DELETE", session, self._route("close_session", self._close_session))
        at("DELETE", "/v1/requests/{id}", self._cancel)
        at("GET", "/health", self._answer_health)
        at("GET", "/metrics", self._answer_metrics)
        at("*", "/{path:.*}", self._nothing)
        app.on_startup.append(self._start)
        app.on_cleanup.append(self._stop)
        return app

    async def _start(self, app: web.Application) -> None:
        self._pool.start()
        self._reaper = asyncio.create_task(self._operations.leases.reap())

    async def _stop(self, app: web.Application) -> None:
        await self.idempotency.close()
        if self._reaper is not None:
            self._reaper.cancel()
        await self._pool.close()

    def _route(
        self, name: str, work: Work
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """Make a handler: authenticate, read, execute the request once, answer, count."""

        async def handle(request: web.Request) -> web.StreamResponse:
            began, status, owner, id = time.monotonic(), 499, "?", "-"
            operation = request.match_info.get("op", "")
            label = f"{name}.{operation}" if operation in OPERATIONS else name
            try:
                owner = self._owner(request)
                id, again = self._request_id(request)
                asked, digest = await self._bodies.read(request)
                answer = await self.idempotency.run(
                    (owner, id),
                    digest,
                    lambda: self._guard(work(request, owner, asked)),
                    linger_s=self._config.linger_s if again else 0.0,
                )
                response = await send(request, answer)
                status = 200
                return response
            except EnvgymError as error:
                status, kind = describe(error)
                level = logging.ERROR if kind == "fault" else logging.WARNING
                _log.log(level, "%s %s of %s: %s: %s", label, id, owner, kind, error)
                return _refused(error)
            except (asyncio.CancelledError, ConnectionError) as error:
                self._metrics.vanished.inc()
                _log.warning("%s %s of %s: the client vanished", label, id, owner)
                if isinstance(error, ConnectionError):
                    return web.Response(status=status)  # the client is gone
                raise
            finally:
                self._metrics.requests.labels(label, status).inc()
                self._metrics.seconds.labels(label).observe(time.monotonic() - began)

        return handle

    async def _guard(self, work: Awaitable[Frame]) -> Frame:
        """Turn unexpected errors into faults, with their traceback in the log."""
        try:
            return await work
        except EnvgymError:
            raise
        except Exception as error:
            _log.exception("an operation broke")
            raise Fault(f"sandbox service: {type(error).__name__}", "infra") from error

    def _owner(self, request: web.Request) -> str:
        owner = self._tokens.owner(request.headers.get("Authorization", ""))
        if owner is None:
            raise WrongToken(
                f"no token of this service (from {request.remote}): send `Authorization: Bearer "
                "TOKEN` with one of its token file's"
            )
        return owner

    def _request_id(self, request: web.Request) -> tuple[str, bool]:
        """Id of the request, and whether its client chose it and may retry."""
        given = request.headers.get(REQUEST_ID)
        if given is None:
            return secrets.token_hex(16), False
        if not _ID.fullmatch(given):
            raise UsageError(f"{REQUEST_ID} must be 1 to 64 letters, digits, '.', '_' or '-'")
        return given, True

    async def _on_box(self, request: web.Request, owner: str, asked: Frame) -> Frame:
        at = request.match_info
        return await self._operations.on_box(owner, at["box"], at["op"], *asked)

    async def _on_session(self, request: web.Request, owner: str, asked: Frame) -> Frame:
        at = request.match_info
        ops = self._operations
        return await ops.on_session(owner, at["box"], at["session"], at["op"], *asked)

    async def _close_box(self, request: web.Request, owner: str, asked: Frame) -> Frame:
        return await self._operations.close_box(owner, request.match_info["box"])

    async def _close_session(self, request: web.Request, owner: str, asked: Frame) -> Frame:
        at = request.match_info
        return await self._operations.close_session(owner, at["box"], at["session"])

    async def _cancel(self, request: web.Request) -> web.StreamResponse:
        """Cancel a request; close a sandbox that it has opened meanwhile."""
        try:
            owner = self._owner(request)
            done = self.idempotency.cancel((owner, request.match_info["id"]))
            if done is not None and "box" in done.header:
                await self._operations.close_box(owner, done.header["box"])
        except EnvgymError as error:
            _log.warning("cancel: %s", error)
            return _refused(error)
        return await send(request, Frame({}, []))

    async def _answer_health(self, request: web.Request) -> web.StreamResponse:
        """Answer whether a real job runs; cached briefly, because anyone may ask."""
        said = "stopping" if self.idempotency.stopping else await self._health.check()
        body = json.dumps({"ok": not said, "backend": self._pool.name, "problem": said})
        status = 503 if said else 200
        return web.Response(status=status, text=body, content_type="application/json")

    async def _answer_metrics(self, request: web.Request) -> web.StreamResponse:
        try:
            self._owner(request)
        except WrongToken as error:
            _log.warning("metrics: %s", error)
            return _refused(error)
        text = self._metrics.text()
        return web.Response(body=text, headers={"Content-Type": "text/plain; version=0.0.4"})

    async def _nothing(self, request: web.Request) -> web.StreamResponse:
        error = Gone(f"nothing at {request.method} here: docs/sandbox_service.md has what there is")
        _log.warning("from %s: %s", request.remote, error)
        return _refused(UsageError(str(error)), status=404)


def _refused(error: EnvgymError, status: int | None = None) -> web.Response:
    response = web.Response(
        status=status or describe(error)[0], body=error_body(error), content_type="application/json"
    )
    if isinstance(error, PoolFull):
        response.headers["Retry-After"] = "1"
    if isinstance(error, WrongToken):
        response.headers["WWW-Authenticate"] = "Bearer"
    return response
