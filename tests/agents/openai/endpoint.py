"""A chat endpoint on 127.0.0.1, and what it may answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from envgym.agent import Context
from envgym.messages import user

Reply = dict[str, Any] | web.StreamResponse


class Server:
    """A chat endpoint on 127.0.0.1 that answers as `reply` says and keeps what it was sent."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.connections: set[Any] = set()
        self.running = self.most = 0
        self.pause = 0.0
        self.reply: Callable[[dict[str, Any]], Reply] = lambda body: says("hello")
        self.url = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        if not request.path.endswith("/v1/chat/completions"):
            return error(404, "no such page")
        self.seen.append(body)
        self.headers.append(dict(request.headers))
        self.connections.add(request.transport)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await asyncio.sleep(self.pause)
        finally:
            self.running -= 1
        reply = self.reply(body)
        return web.json_response(reply) if isinstance(reply, dict) else reply


@asynccontextmanager
async def running(handle: Callable[[web.Request], Any]) -> AsyncIterator[str]:
    """A web server that answers every POST; yields its address."""
    app = web.Application()
    app.router.add_post("/{path:.*}", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"  # type: ignore[union-attr]
    await runner.cleanup()


def says(text: str | None, *calls: tuple[str, str], finish: str = "stop") -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": text}
    if calls:
        message["tool_calls"] = [
            {"id": f"call_{i}", "type": "function", "function": {"name": n, "arguments": a}}
            for i, (n, a) in enumerate(calls)
        ]
    return {"choices": [{"message": message, "finish_reason": finish}]}


def error(status: int, message: str, **headers: str) -> web.Response:
    body = {"error": {"message": message, "type": "x"}}
    return web.json_response(body, status=status, headers=headers)


def ask(text: str = "hi", seed: int = 0) -> Context:
    return Context("s", [user(text)], (), seed=seed)
