"""Tag dialect: ``<search>query</search>``, as in ZeroSearch, Search-R1 and ASearcher.

The tag is the tool's name and the body fills its main parameter (or all, as a JSON object). The
generation is cut after the first closing tag, and the first whole call outside the thoughts is the
action; each further one is answered with that rule. A tag that is opened again before it is closed
was only mentioned.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from envgym.chat.dialects.base import Dialect, register_dialect
from envgym.chat.dialects.calls import bare_body, bare_call, refusal
from envgym.chat.dialects.reading import CALL, DOUBTFUL, Found, Source, numbered, read_calls
from envgym.messages import Action, ToolCall
from envgym.parsing.reasoning import left_open
from envgym.tools import ToolSpec

_BETWEEN = frozenset({"", "and", "or", "to", ",", "/", "-", "...", "…"})
"""Bodies of tags that are only mentioned, as is a parameter's name.

Each is a call where the message has no other.
"""


@register_dialect
class Tags(Dialect):
    """One call per message, between tags named after the tool."""

    name = "tags"

    def stop(self, tools: Sequence[ToolSpec]) -> tuple[str, ...]:
        """Stop strings: the closing tag of every tool."""
        return tuple(f"</{t.name}>" for t in tools)

    def instructions(self, tools: Sequence[ToolSpec]) -> str:
        """One line per tool: its tag, its parameter, its description."""
        lines = [f"<{t.name}>{t.main_parameter or ''}</{t.name}>: {t.description}" for t in tools]
        return "Call one tool at a time:\n" + "\n".join(lines)

    def parse(self, text: str, tools: Sequence[ToolSpec]) -> Action:
        """Parse the first opening tag of a known tool that has its closing tag."""
        if not tools:
            return Action(text)
        first, *others = read_calls(text, tools, f"<(?P<tool>{_names(tools)})>", _read) or (None,)
        if first is None:
            return Action(text)
        rule = f"only the first call of a message is run, {first.name}: write one at a time."
        unread = [refusal(rule, c.name) for c in others if c.name]
        return Action(text, numbered([first, *unread], self.result_id))

    def write(self, action: Action, tools: Sequence[ToolSpec]) -> str:
        """Write the text (the tools' tags in it broken), then the call between its tags."""
        if not action.tool_calls:
            return action.text
        text = self.neutralise(action.text, tools)
        text += left_open(text) or ""
        return text + "".join(self._block(call, tools) for call in action.tool_calls)

    def _block(self, call: ToolCall, tools: Sequence[ToolSpec]) -> str:
        opening, closing = f"<{call.name}>", f"</{call.name}>"

        def read(body: str) -> Sequence[ToolCall]:
            return self.parse(opening + body + closing, tools).tool_calls

        # A generation is cut after any tool's closing tag, so a body holds none.
        return opening + bare_body(call, read, (opening, closing, *self.stop(tools))) + closing

    def neutralise(self, text: str, tools: Sequence[ToolSpec]) -> str:
        """Break the tools' tags with a space after the bracket."""
        return re.sub(f"<(/?(?:{_names(tools)})>)", r"< \1", text)


def _read(source: Source, beginning: re.Match[str]) -> Found | None:
    name, after = beginning["tool"], beginning.end()
    end = source.find(f"</{name}>", after)
    again = source.find(f"<{name}>", after)
    if end < 0 or 0 <= again < end:
        return Found([refusal(f"<{name}> has no </{name}>.", name)], after, DOUBTFUL)
    tools = tuple(source.tools.values())
    body = source.text[after:end].strip()
    parameter = source.tools[name].main_parameter
    sureness = DOUBTFUL if parameter and body in (*_BETWEEN, parameter) else CALL
    return Found([bare_call(name, body, "", tools)], end + len(f"</{name}>"), sureness)


def _names(tools: Sequence[ToolSpec]) -> str:
    return "|".join(re.escape(t.name) for t in tools) or r"(?!)"
