"""``<search>query</search>``, ``<answer>text</answer>``: ZeroSearch, Search-R1, ASearcher.

The tag is the tool's name and the body fills its main parameter (or all, as a JSON object). The
generation is cut after the first closing tag, and the first well-formed call is the action.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from envgym.dialects.base import Dialect, bare_body, bare_call, register_dialect
from envgym.messages import Action, ToolCall
from envgym.tools import ToolSpec


@register_dialect
class Tags(Dialect):
    """One call a message, between tags named after the tool."""

    name = "tags"

    def stop(self, tools: Sequence[ToolSpec]) -> tuple[str, ...]:
        """The closing tag of every tool."""
        return tuple(f"</{t.name}>" for t in tools)

    def instructions(self, tools: Sequence[ToolSpec]) -> str:
        """One line a tool: its tag, its parameter, what it does."""
        lines = [f"<{t.name}>{t.main_parameter or ''}</{t.name}>: {t.description}" for t in tools]
        return "Call one tool at a time:\n" + "\n".join(lines)

    def parse(self, text: str, tools: Sequence[ToolSpec]) -> Action:
        """The first opening tag of a known tool, up to its closing tag."""
        opening = re.search(f"<({_names(tools)})>", text)
        if opening is None:
            return Action(text)
        name = opening[1]
        end = text.find(f"</{name}>", opening.end())
        if end < 0:
            error = f"<{name}> has no </{name}>."
            return Action(text, (ToolCall(name, None, "0", error),))
        return Action(text, (bare_call(name, text[opening.end() : end].strip(), "0", tools),))

    def write(self, action: Action, tools: Sequence[ToolSpec]) -> str:
        """The text, the tools' tags in it broken, then the call between its tags."""
        if not action.tool_calls:
            return action.text
        text = self.neutralise(action.text, tools)
        return text + "".join(self._block(call, tools) for call in action.tool_calls)

    def _block(self, call: ToolCall, tools: Sequence[ToolSpec]) -> str:
        opening, closing = f"<{call.name}>", f"</{call.name}>"

        def read(body: str) -> Sequence[ToolCall]:
            return self.parse(opening + body + closing, tools).tool_calls

        # A generation is cut after any tool's closing tag, so a body holds none.
        return opening + bare_body(call, read, (closing, *self.stop(tools))) + closing

    def neutralise(self, text: str, tools: Sequence[ToolSpec]) -> str:
        """Break the tools' tags with a space after the bracket."""
        return re.sub(f"<(/?(?:{_names(tools)})>)", r"< \1", text)


def _names(tools: Sequence[ToolSpec]) -> str:
    return "|".join(re.escape(t.name) for t in tools) or r"(?!)"
