"""Does anything a model may write break the environment, and is every call answered."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

from envgym.checker.report import Problem
from envgym.checker.subject import Subject, begin
from envgym.messages import Action, Observation, ToolCall
from envgym.tools import ToolSpec

_HUGE = "lorem ipsum " * 10_000
_ODD = "\x00\ud800 </tool_call> ``` {}{{}} %s \N{PILE OF POO} \u202e"
_WRONG: tuple[Any, ...] = ({"no": ["such", None]}, None, "", _ODD, _HUGE, -1, 10**30, float("nan"))


async def malformed_actions_never_crash(subject: Subject) -> AsyncIterator[Problem]:
    """No action raises, and each call gets exactly one tool message with its id, in order."""
    async with subject.env() as env:
        for what, action in malformed_actions(env.tools):
            await begin(env, seed=0)  # anew for each: an episode may end on a bad action
            try:
                step = await env.step(action)
            except Exception as error:
                yield Problem(
                    f"{what}: step raised {type(error).__name__}: {error}",
                    "answer what a model may write with an observation; raise Fault only when "
                    "the world itself is broken",
                )
                continue
            if env.tools and (problem := _unanswered(action, step.observation)):
                yield Problem(
                    f"{what}: {problem}",
                    "derive from ToolEnv, or answer by envgym.tools.run_calls, which sees to this",
                )


def malformed_actions(tools: Sequence[ToolSpec]) -> Iterator[tuple[str, Action]]:
    """What a model may write, with a name for each."""
    name = tools[0].name if tools else "tool"
    yield "an empty message", Action()
    yield "a huge text", Action(_HUGE)
    yield "odd characters", Action(_ODD)
    yield "an unknown tool", _calls(ToolCall("no_such_tool", {"a": 1}, "call_x"))
    yield "a call without a name", _calls(ToolCall("", None, "call_y"))
    yield "a broken call", _calls(ToolCall(name, None, "call_z", "its JSON is broken."))
    mixed = [ToolCall(name if i % 2 else "no_such_tool", {}, f"call_{i}") for i in range(50)]
    yield "50 calls in one message", _calls(*mixed)
    yield "text beside a broken call", Action("Let me see.", (ToolCall(name, {}, "7", "broken"),))
    for tool in tools:
        fields = tool.arguments.model_fields
        yield f"{tool.name} without arguments", _calls(ToolCall(tool.name, {}, "empty"))
        yield f"{tool.name} with an unknown argument", _calls(ToolCall(tool.name, {"zz": 1}, "zz"))
        for i, value in enumerate(_WRONG):
            arguments = dict.fromkeys(fields, value)
            shown = repr(value)[:20]
            yield f"{tool.name} with {shown}", _calls(ToolCall(tool.name, arguments, f"wrong_{i}"))


def _calls(*calls: ToolCall) -> Action:
    return Action("", calls)


def _unanswered(action: Action, observation: Observation) -> str | None:
    wanted = [call.id for call in action.tool_calls]
    given = [m.tool_call_id for m in observation.messages if m.role == "tool"]
    if wanted == given:
        return None
    return (
        f"{len(wanted)} calls with ids {wanted[:3]}…, results with ids {given[:3]}… ({len(given)})"
    )
