"""Fleet: the servers of a run, with the version of their weights and the gate before them.

Agents that sample at different temperatures share one fleet.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence

from envgym.agents.vllm.inference_server import InferenceServer, TooSlow, Unreachable
from envgym.agents.vllm.learner_check import LearnerCheck
from envgym.agents.vllm.server_pool import ServerPool
from envgym.agents.vllm.startup_checks import ServerTraits, check_server
from envgym.agents.vllm.token_protocols import SampledTurn
from envgym.agents.vllm.transports.base import Transport
from envgym.agents.vllm.turn_sampler import TurnSampler
from envgym.agents.vllm.version_labels import VersionLabels
from envgym.agents.vllm.weight_sync import WeightSync, WeightSyncError
from envgym.chat.renderer import Chat
from envgym.errors import EnvgymError, Fault, UsageError
from envgym.utils.http_client import Refused


class Fleet:
    """Servers whose weights follow the learner's.

    Args:
        servers: The servers.
        chat: The learner's chat.
        transport: Way in which weights reach them; None leaves their weights alone.
        model: Name of the model at the servers; None takes their only one.
        max_context: Maximum number of ids of a context and its reply.
        any_version: Whether vLLM outside the tested range is taken.
        recovery_s: Seconds to wait for a server that has gone.
        retries: Further requests for a turn after lost connections.

    Attributes:
        version: Version of the weights.
        update_s: Seconds spent on updates so far.
        check: Comparison with the learner after an update; None compares nothing.
    """

    def __init__(
        self,
        servers: Sequence[InferenceServer],
        chat: Chat,
        transport: Transport | None,
        *,
        model: str | None,
        max_context: int | None,
        any_version: bool,
        recovery_s: float,
        retries: int,
    ) -> None:
        self.version, self.update_s = 0, 0.0
        self.check: LearnerCheck | None = None
        self.transport = transport
        self.traits: dict[InferenceServer, ServerTraits] = {}
        self.pool = ServerPool(servers, self._restore, recovery_s)
        self.sampler = TurnSampler(self.pool, self.traits, retries)
        self._chat, self._model = chat, model
        self._wanted_context, self._any_version = max_context, any_version
        self._labels = VersionLabels()
        self._open = asyncio.Event()
        self._broken: EnvgymError | None = None
        self._starting = asyncio.Lock()
        self._syncing: defaultdict[InferenceServer, asyncio.Lock] = defaultdict(asyncio.Lock)

    @property
    def label(self) -> str:
        """Label of the current weights; empty where they are not ours to set."""
        return self._labels.label(self.version) if self.transport else ""

    @property
    def max_context(self) -> int:
        """Maximum number of ids of a context and its reply, at every server."""
        return min(traits.max_context for traits in self.traits.values())

    @property
    def model_name(self) -> str | None:
        """Name in requests, where it is not the served model's own."""
        return self.transport.model_name if self.transport else None

    async def start(self) -> None:
        """Check the servers and bring them to the current version; once."""
        async with self._starting:
            if not self._open.is_set() and self._broken is None:
                await self._check_servers()
                await self._bring_all(self.version)

    async def ready(self) -> None:
        """Wait until turns may be sampled.

        Raises:
            EnvgymError: The last update failed.
        """
        if not self._open.is_set():
            if self._broken is None:
                await self.start()
            if self._broken is not None:
                raise self._broken
            await self._open.wait()
        for server in self.pool.servers:
            if server.asleep:
                await self._wake(server)

    async def update(self, version: int | None) -> None:
        """Bring all servers to the learner's weights.

        Raises:
            UsageError: There is no transport.
            WeightSyncError: A server failed.
        """
        if self.transport is None:
            raise UsageError("this vllm agent has no transport: its servers take no weights")
        async with self._starting:
            await self._check_servers()
            self._open.clear()
            await self._bring_all(self.version + 1 if version is None else version)

    async def sleep(self) -> None:
        """Put the servers to sleep until the next update or turn.

        Raises:
            UsageError: A server refuses.
        """
        for server in self.pool.servers:
            try:
                await server.post("/sleep", query={"level": "1", "mode": "wait"})
            except Refused as error:
                raise UsageError(
                    f"{server.url} does not sleep ({error}): start it with --enable-sleep-mode, or "
                    "set sleep to false"
                ) from error
            except (Unreachable, TooSlow) as error:
                self.pool.suspect(server, error)
            else:
                server.asleep = True

    def versions(self, turn: SampledTurn, began: int) -> list[int]:
        """Versions of a turn's ids, see `VersionLabels.versions`."""
        spans = turn.spans if self.transport else None
        return self._labels.versions(spans, len(turn.ids), began, self.version)

    async def close(self) -> None:
        """Close all connections; safe to call twice."""
        await self.sampler.close()
        if self.transport is not None:
            await self.transport.close()
        await self.pool.close()

    async def _check_servers(self) -> None:
        for server in self.pool.servers:
            if server not in self.traits:
                self.traits[server] = await check_server(
                    server,
                    self._chat,
                    model=self._model,
                    max_context=self._wanted_context,
                    updated=self.transport is not None,
                    any_version=self._any_version,
                )

    async def _bring_all(self, version: int) -> None:
        """Bring every server to the learner's weights, as `version`, and open the gate."""
        began = time.monotonic()
        try:
            if self.transport is not None:
                await self.transport.stage(version)
                self.version = version
                brought = map(self._bring, self.pool.servers)
                for outcome in await asyncio.gather(*brought, return_exceptions=True):
                    if outcome is not None:
                        raise outcome
                await self.transport.retire()
        except EnvgymError as error:
            self._broken = error
            raise
        finally:
            self.update_s += time.monotonic() - began
        self._broken = None
        self._open.set()

    async def _bring(self, server: InferenceServer) -> None:
        """Bring a server to the current version; one that goes meanwhile is waited for."""
        await self.pool.wait_for(server)
        try:
            await self._sync(server)
        except WeightSyncError as error:
            if not error.lost_connection:
                raise
            self.pool.suspect(server, error)
            await self.pool.wait_for(server)  # by then it has been restored

    async def _restore(self, server: InferenceServer) -> None:
        """Bring a server that came back to the current version, where it has another."""
        if self.transport is None:
            return
        told = (await server.get("/weight_info")).get("weight_version")
        paused = (await server.get("/is_paused")).get("is_paused")
        if told != self.label or paused:
            server.asleep = False
            self.transport.forget(server)
            await self._sync(server)

    async def _sync(self, server: InferenceServer) -> None:
        assert self.transport is not None
        check, label = self.check, self.label

        async def compare(server: InferenceServer) -> None:
            if check is not None:
                await check(server, label)

        async with self._syncing[server]:
            await WeightSync(server, self.transport, label, compare).run()

    async def _wake(self, server: InferenceServer) -> None:
        """Wake a server that sleeps: its weights are still the current ones."""
        async with self._syncing[server]:
            if server.asleep:
                try:
                    await server.post("/wake_up")
                except (Refused, Unreachable, TooSlow) as error:
                    raise Fault(f"{server.url} does not wake up: {error}") from error
                server.asleep = False
