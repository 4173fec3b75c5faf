"""Web application of the model server."""

from __future__ import annotations

import hmac
import logging
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from aiohttp import web

from envgym.agents.serve_model.control_routes import ControlRoutes
from envgym.agents.serve_model.generation_routes import GenerationRoutes
from envgym.agents.serve_model.http_bodies import failure, read_body
from envgym.agents.serve_model.schemas import Detokenize, Tokenize
from envgym.agents.serve_model.served_model import ServedModel
from envgym.errors import UsageError
from envgym.utils.http_server import listen, server_token

log = logging.getLogger("envgym.serve")

_MAX_BYTES = 64 * 2**20
_OPEN_TO_ALL = ("/health",)


class ModelServer:
    """HTTP server of one model.

    Args:
        served: The model.
        token: Token that clients must send; None admits all.
    """

    def __init__(self, served: ServedModel, token: str | None = None) -> None:
        self.served = served
        self._token = token

    def app(self) -> web.Application:
        """Make the web application."""
        app = web.Application(middlewares=[self._guard], client_max_size=_MAX_BYTES)
        app.router.add_get("/health", self._health)
        app.router.add_get("/version", self._version)
        app.router.add_get("/v1/models", self._models)
        app.router.add_post("/tokenize", self._tokenize)
        app.router.add_post("/detokenize", self._detokenize)
        app.router.add_routes(GenerationRoutes(self.served).routes())
        app.router.add_routes(ControlRoutes(self.served).routes())
        app.on_cleanup.append(self._close)
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if self._token is not None and request.path not in _OPEN_TO_ALL:
            given = request.headers.get("Authorization", "")
            if not hmac.compare_digest(given.encode(), f"Bearer {self._token}".encode()):
                return failure(401, "wrong token: send the server's as Authorization: Bearer")
        try:
            return await handler(request)
        except UsageError as error:
            return failure(400, str(error))
        except web.HTTPException as error:
            return failure(error.status, error.text or error.reason)
        except Exception as error:
            log.warning("%s failed", request.path, exc_info=error)
            return failure(500, f"{type(error).__name__}: {error}")

    async def _health(self, request: web.Request) -> web.Response:
        return web.Response()

    async def _version(self, request: web.Request) -> web.Response:
        return web.json_response({"version": version("envgym"), "engine": "envgym"})

    async def _models(self, request: web.Request) -> web.Response:
        model = {
            "id": self.served.name,
            "object": "model",
            "owned_by": "envgym",
            "max_model_len": self.served.engine.max_context,
        }
        return web.json_response({"object": "list", "data": [model]})

    async def _tokenize(self, request: web.Request) -> web.Response:
        body = await read_body(request, Tokenize)
        ids = self.served.chat.tokenizer.encode(
            body.prompt, add_special_tokens=body.add_special_tokens
        )
        longest = self.served.engine.max_context
        return web.json_response({"count": len(ids), "max_model_len": longest, "tokens": ids})

    async def _detokenize(self, request: web.Request) -> web.Response:
        body = await read_body(request, Detokenize)
        text = self.served.chat.tokenizer.decode(body.tokens, skip_special_tokens=False)
        return web.json_response({"prompt": text})

    async def _close(self, app: web.Application) -> None:
        await self.served.close()


async def serve_model(
    served: ServedModel,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    token_file: Path | None = None,
    ready: Callable[[str], object] | None = None,
) -> None:
    """Serve a model until SIGTERM, or until cancelled.

    Args:
        port: 0 takes any free one.
        ready: Called with the address once it answers.

    Raises:
        UsageError: The port is taken, or no token where others can reach it.
    """
    app = ModelServer(served, server_token(token_file, host)).app()
    await listen(app, host, port, ready, cancel_on_disconnect=True)
