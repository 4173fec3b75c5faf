"""Malformed actions that a model may write, from the empty message to invalid calls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from envgym.messages import Action, ToolCall
from envgym.tools import ToolSpec

NOTHING = Action()
_HUGE = "lorem ipsum " * 10_000
_ODD = "\x00\ud800 </tool_call> ``` {}{{}} %s \N{PILE OF POO} \u202e"
_WRONG: tuple[Any, ...] = ({"no": ["such", None]}, None, "", _ODD, _HUGE, -1, 10**30, float("nan"))


def refused_actions() -> Iterator[tuple[str, Action]]:
    """Actions that run no tool in any environment, each with a name."""
    yield "an empty message", NOTHING
    yield "a huge text", Action(_HUGE)
    yield "odd characters", Action(_ODD)
    yield "an unknown tool", _calls(ToolCall("no_such_tool", {"a": 1}, "call_x"))
    yield "a call without a name", _calls(ToolCall("", None, "call_y"))


def malformed_actions(tools: Sequence[ToolSpec]) -> Iterator[tuple[str, Action]]:
    """Malformed actions for these tools, each with a name."""
    name = tools[0].name if tools else "tool"
    yield from refused_actions()
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
