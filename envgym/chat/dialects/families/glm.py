"""``<tool_call>NAME<arg_key>KEY</arg_key><arg_value>text</arg_value></tool_call>``: GLM 4.5 on.

GLM 4.5 and 4.6 put each part on a line of its own, 4.7 writes them in one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from envgym.chat.dialects.base import register_dialect
from envgym.chat.dialects.calls import call_of_texts, unreadable
from envgym.chat.dialects.families.texts import as_text, read_parameters
from envgym.chat.dialects.family import CLOSE, OPEN, Family
from envgym.chat.dialects.reading import Found, Source
from envgym.messages import ToolCall

_NAME = re.compile(r"([^\s<>{}\[\]]{1,200})\s*+(?=<arg_key>)")
_HEAD = re.compile(r"<arg_key>([^<\n]{1,200})</arg_key>\s*+<arg_value>")
_END = re.compile(r"</arg_value>(?=\s*+(?:<arg_key>|</tool_call>))")


@register_dialect
class Glm(Family):
    """Keys and values between tags, after the tool's name."""

    name = "glm45"
    example = (
        f"For each call write:\n{OPEN}NAME\n<arg_key>KEY</arg_key>\n<arg_value>VALUE</arg_value>\n"
        f"{CLOSE}"
    )

    def write_calls(self, calls: Sequence[ToolCall]) -> str:
        """Write one block per call."""
        return "\n".join(_block(call) for call in calls)


def read_pairs(source: Source, start: int) -> Found | None:
    """Parse the call in a block of this format; None where it has another format."""
    name = _NAME.match(source.text, start)
    if name is None:
        return None
    found, end, closed = read_parameters(source, name.end(), _HEAD, _END)
    behind = source.skip_space(end)
    if not closed or not source.at(CLOSE, behind):
        error = "an <arg_value> has no </arg_value>" if not closed else f"it has no {CLOSE}"
        return Found([unreadable(error, name[1])], start)
    pairs = [(head[1].strip(), text, None) for head, text in found]
    return Found([call_of_texts(name[1], pairs, source.tools)], behind + len(CLOSE))


def _block(call: ToolCall) -> str:
    pairs = "".join(
        f"<arg_key>{name}</arg_key>\n<arg_value>{as_text(value)}</arg_value>\n"
        for name, value in (call.arguments or {}).items()
    )
    return f"{OPEN}{call.name}\n{pairs}{CLOSE}"
