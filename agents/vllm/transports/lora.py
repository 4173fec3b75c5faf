"""Transport of a LoRA adapter, under a new name for each version.

A name that is used again would find keys and values of the former adapter (vllm#42125, #48352), so
each version is an adapter of its own: loaded before requests name it, and unloaded once all servers
have its successor.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from pathlib import Path
from typing import ClassVar, Literal

from envgym.agents.vllm.inference_server import InferenceServer, TooSlow, Unreachable
from envgym.agents.vllm.transports.base import LearnerWeights, Transport
from envgym.utils.http_client import Refused

log = logging.getLogger(__name__)


class LoraTransport(Transport):
    """Adapter files that servers load beside the base model.

    Requests that run keep the adapter that they began with, so updates wait for them to finish.
    The servers need ``VLLM_ALLOW_RUNTIME_LORA_UPDATING=1`` and ``--enable-lora``.

    Args:
        weights: The learner's adapter; its `save` writes the adapter alone.
        folder: Folder for adapters, seen by the servers under the same path.
        name: Beginning of the adapters' names.
    """

    pause_mode: ClassVar[Literal["keep", "wait"]] = "wait"

    def __init__(self, weights: LearnerWeights, folder: Path, name: str = "policy") -> None:
        self._weights, self._folder, self._name = weights, folder.resolve(), name
        self._loaded: dict[InferenceServer, list[str]] = {}

    async def stage(self, version: int) -> None:
        """Write the adapter."""
        self.model_name = f"{self._name}-v{version}"
        await asyncio.to_thread(self._write, self._folder / self.model_name)

    async def send(self, server: InferenceServer) -> None:
        """Load the adapter at a server."""
        assert self.model_name is not None
        path = str(self._folder / self.model_name)
        body = {"lora_name": self.model_name, "lora_path": path}
        await server.post("/v1/load_lora_adapter", body)
        self._loaded.setdefault(server, []).append(self.model_name)

    async def retire(self) -> None:
        """Unload former adapters, and remove their files."""
        for server, names in self._loaded.items():
            for name in [name for name in names if name != self.model_name]:
                try:
                    await server.post("/v1/unload_lora_adapter", {"lora_name": name})
                except (Refused, Unreachable, TooSlow) as error:  # nothing asks for it any more
                    log.warning("%s keeps the adapter %s: %s", server.url, name, error)
                names.remove(name)
        for old in self._folder.glob(f"{self._name}-v*"):
            if old.name != self.model_name:
                await asyncio.to_thread(shutil.rmtree, old, ignore_errors=True)

    def forget(self, server: InferenceServer) -> None:
        """Count on no adapter at a server."""
        self._loaded.pop(server, None)

    def _write(self, folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        self._weights.save(folder)
