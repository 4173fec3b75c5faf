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
_MARK = re.compile(r"^```([^`\n]*)$", re.M)


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
        for mark in _MARK.finditer(text):
            info = mark[1].strip()
            if opened is None:
                opened = (_resolve(info, tools), mark.end())
            elif not info:
                name, start = opened
                if name:
                    body = text[start : mark.start()].strip("\r\n")
                    calls.append(bare_call(name, body, str(len(calls)), tools))
                opened = None
        if opened is not None and opened[0]:
            error = f"the {opened[0]} block has no closing {_FENCE}."
            calls.append(ToolCall(opened[0], None, str(len(calls)), error))
        return Action(text, tuple(calls))

    def write(self, action: Action, tools: Sequence[ToolSpec]) -> str:
        """The text, fences in it broken, then one block a call."""
        if not action.tool_calls:
            return action.text
        text = self.neutralise(action.text, tools)
        blocks = [self._block(call, tools) for call in action.tool_calls]
        return "\n".join(([text] if text else []) + blocks)

    def _block(self, call: ToolCall, tools: Sequence[ToolSpec]) -> str:
        def block(body: str) -> str:
            return f"{_FENCE}{call.name}\n{body}\n{_FENCE}"

        return block(bare_body(call, lambda body: self.parse(block(body), tools).tool_calls))

    def neutralise(self, text: str, tools: Sequence[ToolSpec]) -> str:
        """Break fences at the start of a line with a space."""
        return re.sub(r"^```", "` ``", text, flags=re.M)


def _resolve(info: str, tools: Sequence[ToolSpec]) -> str:
    """The tool an info string's first word means, or '' for a block that is only prose."""
    info = info.split(maxsplit=1)[0] if info else ""
    if any(t.name == info for t in tools):
        return info
    takers = [t.name for t in tools if "code" in t.arguments.model_fields]
    return takers[0] if info and len(takers) == 1 else ""
