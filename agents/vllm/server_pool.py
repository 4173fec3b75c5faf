"""Server pool: one of several servers for each conversation, and recovery of those that failed.

A conversation stays with its server, where its prefix is cached, for as long as that one is up
(rendezvous hashing: a server that goes or comes moves its own conversations alone). A server that
failed is asked again in the background, and used once it has been restored.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from envgym.agents.vllm.inference_server import InferenceServer, TooSlow, Unreachable
from envgym.errors import Fault
from envgym.utils.http_client import Refused
from envgym.utils.seeds import derive_seed

log = logging.getLogger(__name__)

_POLL_S = (0.2, 5.0)  # first and longest pause between two looks at a failed server
_LOOK_S = 5.0


class ServerPool:
    """Servers with the same model.

    Args:
        servers: The servers.
        restore: Brings a server that answers again to the current weights; may raise what a server
            raises, or a `Fault`.
        recovery_s: Seconds to wait for a server when none is up.
    """

    def __init__(
        self,
        servers: Sequence[InferenceServer],
        restore: Callable[[InferenceServer], Awaitable[None]],
        recovery_s: float,
    ) -> None:
        self.servers = list(servers)
        self.recoveries = 0
        self._restore = restore
        self._recovery_s = recovery_s
        self._failed: dict[InferenceServer, tuple[asyncio.Task[None], str]] = {}
        self._changed = asyncio.Condition()

    async def pick(self, key: str) -> InferenceServer:
        """Choose the server of a conversation; wait where none is up.

        Raises:
            Fault: None came back in time.
        """
        ranked = sorted(self.servers, key=lambda server: derive_seed(key, server.url))
        return await self._first_up(ranked)

    async def wait_for(self, server: InferenceServer) -> None:
        """Wait until a server is up.

        Raises:
            Fault: It did not come back in time.
        """
        await self._first_up([server])

    def suspect(self, server: InferenceServer, reason: object) -> None:
        """Use a server no more until it has been restored."""
        if server not in self._failed:
            log.warning("server %s: %s", server.url, reason)
            task = asyncio.create_task(self._recover(server))
            self._failed[server] = task, str(reason)

    async def close(self) -> None:
        """End recoveries and close all connections."""
        for task, _ in list(self._failed.values()):
            task.cancel()
        await asyncio.gather(*(t for t, _ in self._failed.values()), return_exceptions=True)
        self._failed.clear()
        for server in self.servers:
            await server.close()

    async def _first_up(self, ranked: Sequence[InferenceServer]) -> InferenceServer:
        def up() -> InferenceServer | None:
            return next((server for server in ranked if server not in self._failed), None)

        if (found := up()) is not None:
            return found
        try:
            async with asyncio.timeout(self._recovery_s), self._changed:
                await self._changed.wait_for(lambda: up() is not None)
        except TimeoutError:
            server = ranked[0]
            reason = self._failed[server][1] if server in self._failed else "it failed again"
            raise Fault(
                f"no server is up after {self._recovery_s:g} s: {server.url}: {reason}"
            ) from None
        found = up()
        assert found is not None
        return found

    async def _recover(self, server: InferenceServer) -> None:
        pause, longest = _POLL_S
        while True:
            try:
                await server.get("/health", timeout=_LOOK_S)
                await self._restore(server)
                break
            except (Unreachable, TooSlow, Refused, Fault) as error:
                self._failed[server] = self._failed[server][0], str(error)
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, longest)
        log.warning("server %s: back", server.url)
        self.recoveries += 1
        async with self._changed:
            del self._failed[server]
            self._changed.notify_all()
