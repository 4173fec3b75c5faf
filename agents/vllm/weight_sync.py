"""Weight update of one server, as an explicit sequence of steps.

    pause → transfer → finish → flush → version → resume → check

Each step begins after the server has confirmed the one before. Until the weights are all there,
cached keys and values are gone and the label is set, nothing is sampled, so no token can be made by
a mixture of weights or carry the wrong version. Where a step fails, the server is left in a state
that follows from the step alone: before the transfer it goes on with its former weights, from the
transfer on it stays paused.

Sources: vLLM 0.32, ``entrypoints/rl/online/api_router.py`` (``/finish_weight_update`` does not
flush) and ``v1/core/sched/scheduler.py`` (a prefix cache is not reset while blocks are held).
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from enum import StrEnum

from envgym.agents.vllm.inference_server import InferenceServer, TooSlow, Unreachable
from envgym.agents.vllm.transports.base import Transport
from envgym.errors import Fault
from envgym.utils.http_client import Refused

log = logging.getLogger(__name__)

_SETTLE_S = 10.0


class SyncStep(StrEnum):
    """Step of a weight update."""

    PAUSE = "pause"
    TRANSFER = "transfer"
    FINISH = "finish"
    FLUSH = "flush"
    VERSION = "version"
    RESUME = "resume"
    CHECK = "check"


class WeightSyncError(Fault):
    """Failure of a weight update.

    Attributes:
        step: The step that failed.
        url: The server.
        reply: What the server said.
        left: State in which the server was left.
    """

    def __init__(self, step: SyncStep, url: str, reply: str, left: str) -> None:
        super().__init__(f"weight update of {url} failed at {step}: {reply}. The server is {left}.")
        self.step, self.url, self.reply, self.left = step, url, reply, left

    @property
    def lost_connection(self) -> bool:
        """Flag: the server could not be reached, so that another try may succeed."""
        return isinstance(self.__cause__, Unreachable)


class WeightSync:
    """One update of one server.

    Args:
        server: The server.
        transport: How weights reach it; they are staged already.
        label: Label of the new weights.
        check: Compares the server with the learner after it resumed; raises a `Fault` where they
            differ. None checks nothing.
    """

    def __init__(
        self,
        server: InferenceServer,
        transport: Transport,
        label: str,
        check: Callable[[InferenceServer], Awaitable[None]] | None = None,
    ) -> None:
        self._server, self._transport, self._label = server, transport, label
        self._check = check

    async def run(self) -> None:
        """Run all steps.

        Raises:
            WeightSyncError: A step failed; the server is in the state that the error names.
        """
        for step in SyncStep:
            try:
                await self._do(step)
            except (Refused, Unreachable, TooSlow, Fault) as error:
                left = await self._settle(step)
                status = f"HTTP {error.status}: " if isinstance(error, Refused) else ""
                reply = f"{status}{error}".rstrip(".")
                raise WeightSyncError(step, self._server.url, reply, left) from error
            except BaseException:  # cancelled, or a defect of the transport
                await self._settle(step)
                raise

    async def _do(self, step: SyncStep) -> None:
        server, transport = self._server, self._transport
        match step:
            case SyncStep.PAUSE:
                mode = {"mode": transport.pause_mode, "clear_cache": "true"}
                await server.post("/pause", query=mode)
            case SyncStep.TRANSFER:
                if server.asleep:
                    await server.post("/wake_up", query={"tags": "weights"})
                await transport.send(server)
            case SyncStep.FINISH:
                await transport.finish(server)
            case SyncStep.FLUSH:
                asked = {"reset_running_requests": "true", "reset_external": "true"}
                answer = await server.post("/reset_prefix_cache", query=asked)
                if answer.get("success") is not True:
                    raise Fault(f"the prefix cache was not reset: {answer}")
            case SyncStep.VERSION:
                await server.post("/update_weight_version", {"new_version": self._label})
                told = (await server.get("/weight_info")).get("weight_version")
                if told != self._label:
                    raise Fault(f"it was told {self._label!r} and says {told!r}")
            case SyncStep.RESUME:
                if server.asleep:
                    await server.post("/wake_up", query={"tags": "kv_cache"})
                    server.asleep = False
                await server.post("/resume")
            case SyncStep.CHECK:
                if self._check is not None:
                    await self._check(server)

    async def _settle(self, step: SyncStep) -> str:
        """Leave the server in the state of the step; return its description."""
        before = step is SyncStep.PAUSE
        path = "/resume" if before else "/pause"
        query = None if before else {"mode": "abort"}
        try:
            await self._server.post(path, query=query, timeout=_SETTLE_S)
        except (Refused, Unreachable, TooSlow):
            return "not answering; it was to be " + ("resumed" if before else "paused")
        return "resumed with its former weights" if before else "paused"
