"""Agent that samples from a local model through the engine."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from transformers import PreTrainedModel

from envgym.agent import Agent, Completion, Context
from envgym.agents.local.engine import Engine
from envgym.agents.local.sampling import SamplingParams
from envgym.chat.renderer import Chat
from envgym.tools import ToolSpec


class LocalAgent(Agent):
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
        """Stop the engine."""
        await self.engine.close()

    def _stop_text(self, tools: Sequence[ToolSpec]) -> Callable[[list[int]], bool] | None:
        strings = self.chat.dialect.stop(tools)
        if strings not in self._stops:
            self._stops[strings] = stop_on(strings, self.chat.tokenizer) if strings else None
        return self._stops[strings]


def stop_on(strings: tuple[str, ...], tokenizer: Any) -> Callable[[list[int]], bool]:
    """Make a test that sampled ids have just completed one of `strings`.

    Text is decoded only after a token that holds the last character of one of them.
    """
    ends = {s[-1] for s in strings}
    longest = max(map(len, strings))
    closers = {i for i in range(len(tokenizer)) if not ends.isdisjoint(tokenizer.decode([i]))}

    def stopped(ids: list[int]) -> bool:
        if ids[-1] not in closers:
            return False
        tail = tokenizer.decode(ids[-longest:])  # a token holds at least one byte
        return any(s in tail for s in strings)

    return stopped
