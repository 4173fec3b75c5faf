"""Transport through vLLM's own weight transfer: NCCL between machines, CUDA IPC on one.

The trainer's side is vLLM's `WeightTransferTrainerFactory` over its `ModuleSource` and
`HTTPVLLMWeightSyncClient` (0.32, ``distributed/weight_transfer``); they are imported when the first
server is reached. The servers start with ``--weight-transfer-config '{"backend": "nccl"}'``.
"""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import Any, Literal
from urllib.parse import urlsplit

from envgym.agents.vllm.inference_server import InferenceServer
from envgym.agents.vllm.transports.base import LearnerWeights, Transport
from envgym.errors import Fault, UsageError

_ROOT = "vllm.distributed.weight_transfer"


class NativeTransport(Transport):
    """Weights sent from the learner's device to the servers' devices.

    Trap: parameters are read while they are sent. A server that comes back while the learner works
    gets weights between two versions; it is brought to the next one before any turn of the next
    step.

    Args:
        weights: The learner's weights; every parameter is sent in each update.
        backend: ``nccl`` or ``ipc``.
        master_address, master_port: Where servers meet the learner (NCCL); the i-th server takes
            the port plus i.

    Raises:
        UsageError: vLLM is not installed beside the trainer.
    """

    def __init__(
        self,
        weights: LearnerWeights,
        backend: Literal["nccl", "ipc"],
        *,
        master_address: str = "127.0.0.1",
        master_port: int = 29600,
    ) -> None:
        try:
            self._factory = import_module(f"{_ROOT}.factory").WeightTransferTrainerFactory
            self._client = import_module(f"{_ROOT}.clients").HTTPVLLMWeightSyncClient
            self._source = import_module(f"{_ROOT}.base").ModuleSource
            self._info = _init_info(backend)
        except (ImportError, AttributeError) as error:
            raise UsageError(
                f"transport {backend!r} needs vLLM's weight transfer beside the trainer "
                f"({error}): install vllm there, or take transport disk"
            ) from error
        self._weights, self._backend = weights, backend
        self._address, self._port = master_address, master_port
        self._engines: dict[InferenceServer, tuple[Any, _FinishLater]] = {}
        self._ports: dict[InferenceServer, int] = {}

    async def stage(self, version: int) -> None:
        """Leave all to `send`, which reads the parameters from the learner."""

    async def send(self, server: InferenceServer) -> None:
        """Send all parameters; the first time, meet the server before."""
        if server not in self._engines:
            self._engines[server] = await self._meet(server)
        await self._in_thread(server, self._engines[server][0].send_weights)

    async def finish(self, server: InferenceServer) -> None:
        """Commit the transfer."""
        await self._in_thread(server, self._engines[server][1].finish)

    def forget(self, server: InferenceServer) -> None:
        """Meet the server anew before the next transfer."""
        engine = self._engines.pop(server, None)
        if engine is not None:
            engine[0].shutdown()

    async def close(self) -> None:
        """End all meetings."""
        for server in list(self._engines):
            self.forget(server)

    async def _meet(self, server: InferenceServer) -> tuple[Any, _FinishLater]:
        fields: dict[str, Any] = {}
        if self._backend == "nccl":
            size = int((await server.get("/get_world_size"))["world_size"])
            port = self._ports.setdefault(server, self._port + len(self._ports))
            fields = {
                "master_address": self._address,
                "master_port": port,
                "world_size": size + 1,
            }
        client = _FinishLater(self._client(server.url))

        def meet() -> Any:
            source = self._source(self._weights.module)
            return self._factory.trainer_init(
                self._info(rank=0, **fields), client=client, source=source
            )

        return await self._in_thread(server, meet), client

    async def _in_thread(self, server: InferenceServer, work: Any) -> Any:
        """Run blocking work of vLLM's; whatever it raises is a failure of the transfer."""
        try:
            return await asyncio.to_thread(work)
        except Exception as error:
            self._engines.pop(server, None)
            name = urlsplit(server.url).netloc
            raise Fault(f"{self._backend} to {name}: {type(error).__name__}: {error}") from error


class _FinishLater:
    """vLLM's client, whose last call waits for the update's own finish step.

    `send_weights` ends with ``finish_weight_update``; held back here, so that its failure is named.
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    def init_weight_transfer_engine(self, init_info: dict[str, Any]) -> None:
        """Pass on."""
        self._client.init_weight_transfer_engine(init_info)

    def start_weight_update(self) -> None:
        """Pass on."""
        self._client.start_weight_update()

    def update_weights(self, update_info: Any) -> None:
        """Pass on."""
        self._client.update_weights(update_info)

    def finish_weight_update(self, weight_version: str | None = None) -> None:
        """Wait for `finish`."""

    def finish(self) -> None:
        """Commit the update; its label is set by a step of its own."""
        self._client.finish_weight_update()


def _init_info(backend: str) -> Any:
    if backend == "nccl":
        return import_module(f"{_ROOT}.nccl_engine").NCCLTrainerInitInfo
    return import_module(f"{_ROOT}.ipc_engine").IPCTrainerInitInfo
