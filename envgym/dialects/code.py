"""A fenced block named after the tool: ````` ```python ````` … ````` ``` `````.

The info string names the tool; a language (``python``, ``py``, ``verilog``) stands for the only
tool that takes ``code``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from envgym.dialects.base import Dialect, bare_body, bare_call, register_dialect
from envgym.messages import Action, ToolCall
from envgym.tools import ToolSpec

_FENCE = "```"
_INFO = re.compile(r"^```(\w*)[ \t]*$", re.M)


@register_dialect
class Code(Dialect):
    """Fenced blocks, each a call; prose around them is free."""

    name = "code"

    def instructions(self, tools: Sequence[ToolSpec]) -> str:
        """The form, and one line a tool."""
        lines = [f"{_FENCE}{t.name}: {t.description}" for t in tools]
        return "Call a tool by a fenced block that bears its name:\n" + "\n".join(lines)

    def parse(self, text: str, tools: Sequence[ToolSpec]) -> Action:
        """Every opened block of a known name is one call."""
        calls: list[ToolCall] = []
        opened: tuple[str, int] | None = None
        for mark in _INFO.finditer(text):
            if opened is None:
                opened = (_resolve(mark[1], tools), mark.end())
            elif not mark[1]:
                name, start = opened
                if name:
                    body = text[start : mark.start()].strip("\n")
                    calls.append(bare_call(name, body, str(len(calls)), tools))
                opened = None
        if opened is not None and opened[0]:
            error = f"the {opened[0]} block has no closing {_FENCE}."
            calls.append(ToolCall(opened[0], None, str(len(calls)), error))
        return Action(text, tuple(calls))

    def write(self, action: Action, tools: Sequence[ToolSpec]) -> str:
        """The text, then one block a call."""
        blocks = [f"{_FENCE}{c.name}\n{bare_body(c, tools)}\n{_FENCE}" for c in action.tool_calls]
        return "\n".join(([action.text] if action.text else []) + blocks)

    def neutralise(self, text: str, tools: Sequence[ToolSpec]) -> str:
        """Break fences at the start of a line with a space."""
        return re.sub(r"^```", "` ``", text, flags=re.M)


def _resolve(info: str, tools: Sequence[ToolSpec]) -> str:
    """The tool an info string means, or '' for a block that is only prose."""
    if any(t.name == info for t in tools):
        return info
    takers = [t.name for t in tools if "code" in t.arguments.model_fields]
    return takers[0] if info and len(takers) == 1 else ""
