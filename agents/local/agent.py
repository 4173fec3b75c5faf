"""Agent that samples from a local model through the engine."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Sequence

from transformers import PreTrainedModel

from envgym.agent import Agent, Completion, Context, PolicyAgent
from envgym.agents.local.engine import Engine
from envgym.agents.local.sampling import SamplingParams
from envgym.agents.stop_text import stop_on
from envgym.chat.renderer import Chat
from envgym.tools import ToolSpec


class LocalAgent(PolicyAgent):
    """Agent that samples from a model in this process.

    Args:
        model: The causal LM; may be shared with a trainer.
        chat: Its tokenizer's template and dialect.
        sampling: Sampling parameters; stop ids come from the chat.
        max_rows, max_context, deterministic, patience_s: See `Engine`.
    """

    chat: Chat

    def __init__(
        self,
        model: PreTrainedModel,
        chat: Chat,
        sampling: SamplingParams | None = None,
        *,
        max_rows: int = 256,
        max_context: int | None = None,
        deterministic: bool = False,
        patience_s: float = 0.002,
    ) -> None:
        self.chat = chat
        self.engine = Engine(
            model,
            max_rows=max_rows,
            max_context=max_context,
            deterministic=deterministic,
            patience_s=patience_s,
        )
        self.sampling = dataclasses.replace(
            sampling or SamplingParams(), stop_ids=tuple(chat.stop_ids)
        )
        self._owns_engine = True
        self._stops: dict[tuple[str, ...], Callable[[list[int]], bool] | None] = {}

    def join(self, callers: int) -> None:
        """Register `callers` concurrent episodes, until they leave."""
        self.engine.join(callers)

    def leave(self) -> None:
        """Unregister one of the concurrent episodes."""
        self.engine.leave()

    async def act(self, context: Context) -> Completion:
        """Sample the next action."""
        result = await self.engine.generate(
            context.session,
            context.ids,
            dataclasses.replace(self.sampling, seed=context.seed),
            stop_text=self._stop_text(context.tools),
            group=context.group or None,
        )
        return Completion(
            ids=result.ids,
            logprobs=result.logprobs,
            text=self.chat.decode(result.ids),
            finish=result.finish,
            versions=result.versions,
        )

    async def end(self, session: str) -> None:
        """Free the session's keys and values."""
        await self.engine.release(session)

    async def close(self) -> None:
        """Stop the engine, unless it is another agent's."""
        if self._owns_engine:
            await self.engine.close()

    @property
    def version(self) -> int:
        """Version of the weights."""
        return self.engine.version

    async def update_weights(self, version: int | None = None) -> None:
        """Count a new version: the engine reads the learner's own weights."""
        self.engine.update_weights(version)

    def with_temperature(self, temperature: float) -> Agent:
        """An agent on the same engine that samples at another temperature."""
        other = copy.copy(self)
        other.sampling = dataclasses.replace(self.sampling, temperature=temperature)
        other._owns_engine = False
        return other

    @property
    def counters(self) -> dict[str, float]:
        """Callers that the engine did not wait for, and seconds for which it waited."""
        stats = self.engine.stats
        return {"rollout/missed": float(stats.missed), "engine/waited_s": stats.waited_s}

    async def free_memory(self) -> None:
        """Drop the keys and values; sessions are computed again when they go on."""
        await self.engine.free_memory()

    def _stop_text(self, tools: Sequence[ToolSpec]) -> Callable[[list[int]], bool] | None:
        strings = self.chat.dialect.stop(tools)
        if strings not in self._stops:
            self._stops[strings] = stop_on(strings, self.chat.tokenizer) if strings else None
        return self._stops[strings]
