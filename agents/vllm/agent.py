"""Agent that samples from inference servers: token ids in and out, with log-probs and versions."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Sequence

from envgym.agent import Agent, Completion, Context, Finish, PolicyAgent
from envgym.agents.stop_text import stop_on
from envgym.agents.vllm.fleet import Fleet
from envgym.agents.vllm.inference_server import InferenceServer
from envgym.agents.vllm.learner_check import LearnerCheck
from envgym.agents.vllm.startup_checks import PROBE_TEXT
from envgym.agents.vllm.token_protocols import SampledTurn, TurnRequest
from envgym.agents.vllm.transports.base import LearnerWeights, Transport
from envgym.chat.renderer import Chat
from envgym.errors import UsageError


class VllmAgent(PolicyAgent):
    """Agent on one or several servers that speak vLLM's token protocol.

    Every token carries the version of the weights that made it, as the server labels it; weights
    that are not the learner's are refused. Before the first turn, and whenever a server comes
    back, its weights are set to the current version.

    Args:
        urls: Addresses of servers with the same model.
        chat: The learner's tokenizer, template and dialect.
        max_tokens: Maximum number of sampled tokens per turn.
        temperature: Sampling temperature. Log-probs are under it, so values other than 0 and 1
            need servers that give processed log-probs.
        max_context: Maximum number of ids of a context and its reply; None takes the servers'.
        model: Name of the model at the servers; None takes their only one.
        weights: The learner's weights, to compare servers with; None compares nothing.
        transport: Way in which weights reach the servers; None leaves their weights alone.
        tolerance: Largest difference of log-probs between server and learner, in nats.
        timeout: Seconds for one turn.
        recovery_s: Seconds to wait for a server that has gone.
        retries: Further requests for a turn after lost connections.
        sleep: Whether `free_memory` puts the servers to sleep until the next update.
        any_version: Whether vLLM outside the tested range is taken.
        api_key_env: Environment variable with the servers' token; unset for none.

    Raises:
        UsageError: No address, or one without a scheme.
    """

    chat: Chat

    def __init__(
        self,
        urls: Sequence[str],
        chat: Chat,
        *,
        max_tokens: int = 256,
        temperature: float = 1.0,
        max_context: int | None = None,
        model: str | None = None,
        weights: LearnerWeights | None = None,
        transport: Transport | None = None,
        tolerance: float = 1e-2,
        timeout: float = 1800.0,
        recovery_s: float = 300.0,
        retries: int = 5,
        sleep: bool = False,
        any_version: bool = False,
        api_key_env: str = "VLLM_API_KEY",
    ) -> None:
        if not urls:
            raise UsageError("the vllm agent needs the address of a server")
        self.chat = chat
        token = os.environ.get(api_key_env)
        servers = [InferenceServer(url, token=token, timeout=timeout) for url in urls]
        self.max_tokens, self.temperature = max_tokens, temperature
        self._fleet = fleet = Fleet(
            servers,
            chat,
            transport,
            model=model,
            max_context=max_context,
            any_version=any_version,
            recovery_s=recovery_s,
            retries=retries,
        )
        if weights is not None:
            ids = chat.tokenizer.encode(PROBE_TEXT, add_special_tokens=False)
            fleet.check = LearnerCheck(weights, self._probe, ids, temperature, tolerance)
        self._sleep = sleep and transport is not None
        self._owns_fleet = True
        self._stops: dict[tuple[str, ...], Callable[[list[int]], bool]] = {}

    async def start(self) -> None:
        """Check the servers, and set their weights to the current version; once.

        Raises:
            UsageError: A server is missing, does not fit, or cannot be updated.
            WeightSyncError: The first update failed.
        """
        await self._fleet.start()

    async def act(self, context: Context) -> Completion:
        """Sample the next action.

        Raises:
            Fault: The servers failed, or a token was sampled under other weights.
        """
        fleet = self._fleet
        await fleet.ready()
        room = fleet.max_context - len(context.ids)
        if room <= 0:
            return Completion(finish="context", version=fleet.version)
        stops = tuple(self.chat.dialect.stop(context.tools))
        began = fleet.version
        turn = TurnRequest(
            ids=context.ids,
            max_tokens=min(self.max_tokens, room),
            temperature=self.temperature,
            seed=context.seed,
            stop_ids=self.chat.stop_ids,
            stop_text=stops,
            session=context.session,
            salt=fleet.label,
        )
        key = context.group or context.session
        sampled, versions = await fleet.sampler.sample(
            key, turn, fleet.model_name, lambda sampled: fleet.versions(sampled, began)
        )
        ids, finish = self._cut(sampled, stops, room)
        return Completion(
            ids=ids,
            logprobs=sampled.logprobs[: len(ids)],
            text=self.chat.decode(ids),
            finish=finish,
            version=began,
            versions=versions[: len(ids)],
        )

    async def close(self) -> None:
        """Close the connections, unless they are another agent's; the servers keep running."""
        if self._owns_fleet:
            await self._fleet.close()

    @property
    def version(self) -> int:
        """Version of the weights."""
        return self._fleet.version

    async def update_weights(self, version: int | None = None) -> None:
        """Send the learner's weights to all servers; turns wait meanwhile.

        Raises:
            WeightSyncError: A server failed; no turn is sampled until an update succeeds.
        """
        await self._fleet.update(version)

    def with_temperature(self, temperature: float) -> Agent:
        """An agent on the same servers that samples at another temperature."""
        other = copy.copy(self)
        other.temperature = temperature
        other._owns_fleet = False
        return other

    @property
    def counters(self) -> dict[str, float]:
        """Turns asked for again, servers restored, and seconds of weight updates."""
        fleet = self._fleet
        return {
            "vllm/retried": float(fleet.sampler.retried),
            "vllm/restored": float(fleet.pool.recoveries),
            "vllm/update_s": fleet.update_s,
        }

    async def free_memory(self) -> None:
        """Put the servers to sleep, where the agent was made so."""
        if self._sleep:
            await self._fleet.sleep()

    def _cut(
        self, sampled: SampledTurn, stops: tuple[str, ...], room: int
    ) -> tuple[list[int], Finish]:
        """Ids up to the first stop text, and the reason of the end."""
        ids = sampled.ids
        if stops:
            if stops not in self._stops:
                self._stops[stops] = stop_on(stops, self.chat.tokenizer)
            stopped = self._stops[stops]
            for end in range(1, len(ids) + 1):
                if stopped(ids[:end]):
                    return ids[:end], "stop"
        if sampled.finish == "stop":
            return ids, "stop"
        return ids, "context" if len(ids) >= room else "length"

    async def _probe(self, server: InferenceServer, ids: Sequence[int], count: int) -> SampledTurn:
        fleet = self._fleet
        turn = TurnRequest(ids, count, self.temperature, seed=0, salt=fleet.label)
        request_id = f"check-{fleet.label}-{server.url}"
        sampled = await fleet.sampler.ask(server, turn, request_id, fleet.model_name)
        fleet.versions(sampled, fleet.version)
        return sampled
