"""Transport over a folder that the learner and the servers see under the same path."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

from envgym.agents.vllm.inference_server import InferenceServer
from envgym.agents.vllm.transports.base import LearnerWeights, Transport


class DiskTransport(Transport):
    """Safetensors files that servers load in place (``reload_weights``).

    Trap: vLLM 0.32 ends its engine where the folder is missing, so each version is written whole
    before its folder has its name, and the one that servers have is kept for those that restart.

    Args:
        weights: The learner's weights.
        folder: Folder for versions; those of former runs in it are removed.
    """

    def __init__(self, weights: LearnerWeights, folder: Path) -> None:
        self._weights, self._folder = weights, folder.resolve()
        self._staged = self._folder

    async def stage(self, version: int) -> None:
        """Write the weights."""
        self._staged = self._folder / f"version-{version:08d}"
        await asyncio.to_thread(self._write)

    async def send(self, server: InferenceServer) -> None:
        """Let a server load the files."""
        where = {"weights_path": str(self._staged)}
        await server.post("/collective_rpc", {"method": "reload_weights", "kwargs": where})

    async def retire(self) -> None:
        """Remove former versions."""
        for old in self._folder.glob("version-*"):
            if old != self._staged:
                await asyncio.to_thread(shutil.rmtree, old, ignore_errors=True)

    def _write(self) -> None:
        draft = self._staged.with_name(f".{self._staged.name}.tmp")
        for stale in (draft, self._staged):
            shutil.rmtree(stale, ignore_errors=True)
        draft.parent.mkdir(parents=True, exist_ok=True)
        self._weights.save(draft)
        draft.rename(self._staged)
