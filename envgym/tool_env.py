"""Base class of environments whose actions are tool calls.

An author writes `tasks`, `start` and one method per tool; this class runs the calls, answers
malformed ones and handles messages without a call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Literal

from envgym.env import Env, Info, TaskT
from envgym.messages import Action, Message, Observation, user
from envgym.parsing.reasoning import left_open, reasoning_spans
from envgym.stop_reason import StopReason
from envgym.tools import ToolSpec, run_calls, tool_message, tools_of
from envgym.utils.thread_call import ThreadCall


class ToolEnv(Env[TaskT]):
    """An environment whose tools are methods.

    A plain (not async) tool that was cut at its deadline, or cancelled, runs on in its thread,
    where it could still change the episode. So the next call, the next reset and `close` wait for
    it, each within its own deadline: what a tool does late never lands in another episode.

    Attributes:
        no_tool_call: Effect of a message without a call: ``remind`` (an observation says so, the
            episode goes on) or ``end`` (the episode ends with the score so far).
    """

    no_tool_call: Literal["remind", "end"] = "remind"
    reminder: str = "No tool was called. Call one of: {tools}."
    _specs: dict[str, ToolSpec] = {}  # noqa: RUF012 - replaced, never changed

    def __init__(self, *, max_turns: int | None = None) -> None:
        super().__init__(max_turns=max_turns)
        self._abandoned: list[ThreadCall] = []

    def withhold(self, *names: str) -> None:
        """Remove some of the class's tools from this instance; call it in ``__init__``."""
        self._specs = {name: spec for name, spec in self._specs.items() if name not in names}
        self.tools = tuple(self._specs.values())

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._specs = tools_of(cls)
        cls.tools = tuple(cls._specs.values())

    async def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, Info]:
        """Begin a new episode; see `Env.reset`."""
        if self._abandoned:
            await self._within(self.deadlines.reset, self._tools_left_running)
        return await super().reset(seed=seed, options=options)

    async def close(self) -> None:
        """Release every resource; see `Env.close`."""
        try:
            if self._abandoned:
                await self._within(self.deadlines.close, self._tools_left_running)
        finally:
            self._abandoned.clear()
            await super().close()

    async def _tools_left_running(self) -> None:
        """Wait for the threads of plain tools that were cut or cancelled."""
        for call in list(self._abandoned):
            await call.ended()
        self._abandoned = [call for call in self._abandoned if call.running]

    async def act(self, action: Action) -> Sequence[Message]:
        """Run the calls of `action`; the observation holds one result per call, in order."""
        if not action.tool_calls:
            return self._on_silence(action)
        results = await run_calls(
            action.tool_calls, self._specs, self._run, lambda: self.ended, self.deadlines.tool
        )
        self._count("tool_calls", len(results))
        self._count("tool_errors", sum(r.error for r in results))
        return [tool_message(c, r) for c, r in zip(action.tool_calls, results, strict=True)]

    async def _run(self, spec: ToolSpec, arguments: dict[str, Any]) -> Any:
        if self._abandoned:
            await self._tools_left_running()
        method = getattr(self, spec.name)
        if spec.is_async:
            return await method(**arguments)
        call = ThreadCall(method, arguments, name=f"tool {spec.name} of {self.spec.id}")
        try:
            return await call.result()
        except asyncio.CancelledError:
            self._abandoned.append(call)
            raise

    def _on_silence(self, action: Action) -> Sequence[Message]:
        self._count("no_tool_call", 1)
        unread = self._unread(action)
        if self.no_tool_call == "end":
            self.end(self.partial_score(), stop=StopReason.NO_TOOL_CALL)
            return (user(unread),) if unread else ()
        reminder = self.reminder.format(tools=", ".join(self._specs))
        return (user(f"{reminder} {unread}".strip()),)

    def _unread(self, action: Action) -> str:
        """Reason why something like a call in the message was not read as one, or ''."""
        mark = left_open(action.text)
        if mark is not None:
            return f"Your reasoning block was never closed: write {mark} before a call."
        spans = reasoning_spans(action.text)
        if any(name in action.text[start:end] for start, end in spans for name in self._specs):
            return "A call inside a reasoning block is not run."
        return ""

    def _count(self, name: str, amount: float) -> None:
        self.metrics[name] = self.metrics.get(name, 0.0) + amount
