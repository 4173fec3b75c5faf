"""A scripted server with vLLM's protocol and control plane, and faults to order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

Body = dict[str, Any]
Reply = Body | web.StreamResponse
DROP = "drop"


class FakeServer:
    """A server that answers turns with `script`, and does what `faults` say.

    Attributes:
        faults: By path: a status, a reply, `DROP` (closes the socket), or a function of the body;
            taken from the front of the list, one a request.
        calls: Paths of control requests in order, with their query where they have one.
        turns: Bodies of the turns that were asked for.
        label: Label of the weights.
        script: Token ids of each turn.
    """

    def __init__(self, tokenizer: Any, *, longest: int = 256) -> None:
        self.url = ""
        self.tokenizer = tokenizer
        self.longest = longest
        self.version: Body = {"version": "0.32.0"}
        self.label = "default"
        self.paused = False
        self.script: Callable[[Body], list[int]] = lambda body: [5, 6, tokenizer.eos_token_id]
        self.logprob = -1.0
        self.spans: Callable[[int], Any] = lambda count: [
            {"version": self.label, "start": 0, "end": count}
        ]
        self.faults: dict[str, list[Any]] = {}
        self.missing: set[str] = set()
        self.calls: list[str] = []
        self.turns: list[Body] = []
        self.headers: list[dict[str, str]] = []
        self.aborted: list[str] = []
        self.pause_s = 0.0
        self.running = self.cut = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        path = request.path
        if path in self.missing:
            return refused(404, "Not Found")
        body = await request.json() if request.can_read_body else {}
        query = "?" + request.query_string if request.query_string else ""
        if self.faults.get(path):
            fault = self.faults[path].pop(0)
            if fault == DROP:
                assert request.transport is not None
                request.transport.close()
                return web.Response()
            if isinstance(fault, int):
                return refused(fault, "as ordered")
            reply = fault(body) if callable(fault) else fault
            if reply is not None:
                return reply if isinstance(reply, web.StreamResponse) else web.json_response(reply)
        if path == "/inference/v1/generate":
            return await self._turn(request, body)
        if path != "/health":
            self.calls.append(path + query)
        return web.json_response(self._control(path, body))

    async def _turn(self, request: web.Request, body: Body) -> web.Response:
        if "token_ids" not in body:
            return refused(400, "token_ids: missing")
        self.turns.append(body)
        self.headers.append(dict(request.headers))
        self.running += 1
        try:
            await asyncio.sleep(self.pause_s)
        except asyncio.CancelledError:
            self.cut += 1
            raise
        finally:
            self.running -= 1
        ids = self.script(body)[: body["sampling_params"]["max_tokens"]]
        return web.json_response(self.answer(ids))

    def answer(self, ids: list[int], finish: str = "stop") -> Body:
        content = [{"token_id": i, "logprob": self.logprob} for i in ids]
        choice = {
            "token_ids": ids,
            "finish_reason": finish,
            "logprobs": {"content": content},
            "weight_versions": self.spans(len(ids)),
        }
        return {"choices": [choice]}

    def _control(self, path: str, body: Body) -> Body:
        match path:
            case "/version":
                return self.version
            case "/v1/models":
                return {"data": [{"id": "toy", "max_model_len": self.longest}]}
            case "/tokenize":
                return {"tokens": self.tokenizer.encode(body["prompt"], add_special_tokens=False)}
            case "/detokenize":
                return {"prompt": self.tokenizer.decode(body["tokens"])}
            case "/pause":
                self.paused = True
            case "/resume":
                self.paused = False
            case "/is_paused":
                return {"is_paused": self.paused}
            case "/weight_info":
                return {"weight_version": self.label}
            case "/update_weight_version":
                self.label = body["new_version"]
            case "/reset_prefix_cache":
                return {"success": True}
            case "/weight_checker":
                return {"checksums": {"w": "same"}}
            case "/inference/v1/abort_requests":
                self.aborted += body["request_ids"]
        return {}


def refused(status: int, message: str) -> web.Response:
    return web.json_response({"error": {"message": message}}, status=status)


@asynccontextmanager
async def running(server: FakeServer, port: int = 0) -> AsyncIterator[FakeServer]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()
