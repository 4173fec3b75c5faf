"""Routes of vLLM's control plane: pauses, weights and their labels, caches, sleep.

The paths, parameters and replies are those of vLLM 0.32 with ``VLLM_SERVER_DEV_MODE=1``, in so far
as a weight update uses them, so that the same client drives both servers.
"""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from aiohttp import web

from envgym.agents.serve_model.http_bodies import read_body
from envgym.agents.serve_model.schemas import (
    Abort,
    CollectiveRpc,
    FinishUpdate,
    NewVersion,
    PauseMode,
    UpdateWeights,
    WeightChecker,
)
from envgym.agents.serve_model.served_model import ServedModel
from envgym.errors import UsageError


class ControlRoutes:
    """Handlers of the control plane."""

    def __init__(self, served: ServedModel) -> None:
        self._served = served

    def routes(self) -> list[web.RouteDef]:
        """The routes."""
        return [
            web.post("/pause", self.pause),
            web.post("/resume", self.resume),
            web.get("/is_paused", self.is_paused),
            web.post("/abort_requests", self.abort),
            web.post("/inference/v1/abort_requests", self.abort),
            web.post("/collective_rpc", self.collective_rpc),
            web.post("/update_weights", self.update_weights),
            web.post("/finish_weight_update", self.finish_weight_update),
            web.post("/update_weight_version", self.update_weight_version),
            web.get("/weight_info", self.weight_info),
            web.post("/weight_checker", self.weight_checker),
            web.post("/reset_prefix_cache", self.reset_prefix_cache),
            web.post("/sleep", self.sleep),
            web.post("/wake_up", self.wake_up),
            web.get("/is_sleeping", self.is_sleeping),
        ]

    async def pause(self, request: web.Request) -> web.Response:
        """Pause sampling."""
        await self._served.pause(_mode(request))
        if _flag(request, "clear_cache", True):
            self._served.reset_cache(also_running=True)
        return web.json_response({"status": "paused"})

    async def resume(self, request: web.Request) -> web.Response:
        """Go on sampling."""
        await self._served.resume()
        return web.json_response({"status": "resumed"})

    async def is_paused(self, request: web.Request) -> web.Response:
        """Answer whether sampling is paused."""
        return web.json_response({"is_paused": self._served.paused})

    async def abort(self, request: web.Request) -> web.Response:
        """Abort requests by name; all of them where none is named."""
        names = (await read_body(request, Abort)).request_ids
        plain = [name.removeprefix("generate-tokens-") for name in names]
        count = self._served.abort({*names, *plain} if names else None)
        return web.json_response({"status": "aborted", "aborted": count})

    async def collective_rpc(self, request: web.Request) -> web.Response:
        """Load weights from a folder (``reload_weights``)."""
        body = await read_body(request, CollectiveRpc)
        await self._served.load(Path(body.kwargs.weights_path))
        return web.json_response({"results": [None]})

    async def update_weights(self, request: web.Request) -> web.Response:
        """Load weights from a folder."""
        body = await read_body(request, UpdateWeights)
        await self._served.load(Path(body.update_info.weights_path))
        return web.json_response({"message": "Weights updated"})

    async def finish_weight_update(self, request: web.Request) -> web.Response:
        """End an update, and name the weights where a label is given."""
        body = await read_body(request, FinishUpdate)
        if body.weight_version is not None:
            self._served.set_label(body.weight_version)
        return web.json_response({"message": "Weight update finished"})

    async def update_weight_version(self, request: web.Request) -> web.Response:
        """Name the weights."""
        body = await read_body(request, NewVersion)
        self._served.set_label(body.new_version)
        return web.json_response({"success": True, "new_version": body.new_version})

    async def weight_info(self, request: web.Request) -> web.Response:
        """Answer the label of the weights."""
        return web.json_response({"weight_version": self._served.label})

    async def weight_checker(self, request: web.Request) -> web.Response:
        """Compute checksums of the weights, or compare them."""
        body = await read_body(request, WeightChecker)
        found = await self._served.checksums()
        if body.action == "checksum":
            return web.json_response({"checksums": found})
        if body.baseline is None:
            raise UsageError("action 'compare' needs a baseline: checksums by name")
        names = found.keys() | body.baseline.keys()
        wrong = sorted(name for name in names if found.get(name) != body.baseline.get(name))
        return web.json_response({"match": not wrong, "mismatches": wrong})

    async def reset_prefix_cache(self, request: web.Request) -> web.Response:
        """Drop cached keys and values."""
        done = self._served.reset_cache(_flag(request, "reset_running_requests", False))
        return web.json_response({"success": done})

    async def sleep(self, request: web.Request) -> web.Response:
        """Pause and free memory; level 0 pauses alone."""
        level = request.query.get("level", "1")
        if level not in ("0", "1", "2"):
            raise UsageError(f"level must be 0, 1 or 2, not {level!r}")
        if level == "0":
            await self._served.pause(_mode(request))
        else:
            await self._served.sleep(_mode(request))
        return web.json_response({"status": "sleeping", "level": int(level)})

    async def wake_up(self, request: web.Request) -> web.Response:
        """Go on after a sleep; like vLLM, only once the cache is asked for too."""
        tags = request.query.getall("tags", [])
        if not tags or "kv_cache" in tags:
            await self._served.resume()
        state = "sleeping" if self._served.asleep else "awake"
        return web.json_response({"status": state, "tags": tags or None})

    async def is_sleeping(self, request: web.Request) -> web.Response:
        """Answer whether the server sleeps."""
        return web.json_response({"is_sleeping": self._served.asleep})


def _mode(request: web.Request) -> PauseMode:
    mode = request.query.get("mode", "abort")
    if mode not in get_args(PauseMode):
        raise UsageError(f"mode must be abort, wait or keep, not {mode!r}")
    return mode  # type: ignore[return-value]


def _flag(request: web.Request, name: str, default: bool) -> bool:
    text = request.query.get(name, str(default)).lower()
    if text not in ("true", "false", "1", "0"):
        raise UsageError(f"{name} must be true or false, not {text!r}")
    return text in ("true", "1")
