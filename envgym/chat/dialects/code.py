"""Code dialect: a fenced block named after the tool: ````` ```python ````` … ````` ``` `````.

The info string names the tool; a language (``python``, ``py``, ``verilog``) stands for the only
tool that takes ``code``. A block of text or output is prose.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from envgym.chat.dialects.base import Dialect, register_dialect
from envgym.chat.dialects.calls import bare_body, bare_call, refusal
from envgym.chat.dialects.reading import Found, Source, numbered, read_calls
from envgym.messages import Action, ToolCall
from envgym.parsing.reasoning import ends_thought, left_open
from envgym.tools import ToolSpec

_FENCE = "```"
_OPENER = r"^```(?P<info>[^`\n]*)$"
_NO_CODE = frozenset(["text", "txt", "plaintext", "output", "console", "markdown", "md", "diff"])
"""Info strings of blocks that show something: no program."""
_CLOSING = re.compile(r"^```[^\S\n]*$", re.M)


@register_dialect
class Code(Dialect):
    """Fenced blocks, each of them a call; the prose around them is free."""

    name = "code"

    def instructions(self, tools: Sequence[ToolSpec]) -> str:
        """The format, and one line per tool."""
        lines = [f"{_FENCE}{t.name}: {t.description}" for t in tools]
        return "Call a tool by a fenced block that bears its name:\n" + "\n".join(lines)

    def parse(self, text: str, tools: Sequence[ToolSpec]) -> Action:
        """Parse every block of a known name as one call."""
        return Action(text, numbered(read_calls(text, tools, _OPENER, _read), self.result_id))

    def write(self, action: Action, tools: Sequence[ToolSpec]) -> str:
        """Write the text (its fences broken), then one block per call."""
        if not action.tool_calls:
            return action.text
        text = self.neutralise(action.text, tools)
        unclosed = left_open(text)
        text += f"\n{unclosed}" if unclosed else ""
        blocks = [self._block(call, tools) for call in action.tool_calls]
        return "\n".join(([text] if text else []) + blocks)

    def _block(self, call: ToolCall, tools: Sequence[ToolSpec]) -> str:
        def block(body: str) -> str:
            return f"{_FENCE}{call.name}\n{body}\n{_FENCE}"

        return block(bare_body(call, lambda body: self.parse(block(body), tools).tool_calls))

    def neutralise(self, text: str, tools: Sequence[ToolSpec]) -> str:
        """Break fences at the start of a line with a space."""
        return re.sub(r"^```", "` ``", text, flags=re.M)


def _read(source: Source, beginning: re.Match[str]) -> Found | None:
    name, after = _resolve(beginning["info"].strip(), source.tools.values()), beginning.end()
    closing = source.search(_CLOSING, after)
    body = source.text[after : closing.start()] if closing else ""
    if closing is None or ends_thought(body):
        error = f"the {name} block has no closing {_FENCE}."
        return Found([refusal(error, name)], after) if name else None
    if not name:
        return Found([], closing.end())
    call = bare_call(name, body.strip("\r\n"), "", tuple(source.tools.values()))
    return Found([call], closing.end())


def _resolve(info: str, tools: Iterable[ToolSpec]) -> str:
    """The tool an info string's first word means, or '' for a block that is only prose."""
    info = info.split(maxsplit=1)[0] if info else ""
    takers = []
    for tool in tools:
        if tool.name.lower() == info.lower():
            return tool.name
        if "code" in tool.arguments.model_fields:
            takers.append(tool.name)
    is_code = bool(info) and info.lower() not in _NO_CODE
    return takers[0] if is_code and len(takers) == 1 else ""
