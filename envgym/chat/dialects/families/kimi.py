"""``<|tool_call_begin|>functions.NAME:0<|tool_call_argument_begin|>{…}<|tool_call_end|>``: Kimi K2.

A call's id is what stands before its arguments: ``functions.``, the name, and a count.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from envgym.chat.dialects.base import register_dialect
from envgym.chat.dialects.calls import unreadable, write_json
from envgym.chat.dialects.family import FORMS, Family, Form
from envgym.chat.dialects.reading import DOUBTFUL, Found, Source, json_call
from envgym.messages import ToolCall

_CALLS, _CALLS_END = "<|tool_calls_section_begin|>", "<|tool_calls_section_end|>"
_CALL, _ARGUMENTS, _END = "<|tool_call_begin|>", "<|tool_call_argument_begin|>", "<|tool_call_end|>"
_MARKS = (_CALLS, _CALLS_END, _CALL, _ARGUMENTS, _END)
_ID = re.compile(r"(?:functions\.)?(.+?)(?::(\d+))?", re.S)
_HEAD = re.compile(r"\s*+([^<\n]{1,200})<\|tool_call_argument_begin\|>\s*+")
_TAIL = re.compile(r"\s*+(?:<\|tool_call_end\|>|(?=<\|tool_calls?_)|(?=<\|im_end\|>)|\Z)")


@register_dialect
class Kimi(Family):
    """An id that names the tool, a separator and JSON."""

    name = "kimi_k2"
    before_calls = ""
    example = (
        f"Write all calls at once:\n{_CALLS}{_CALL}functions.NAME:0{_ARGUMENTS}ARGUMENTS{_END}"
        f"{_CALLS_END}\nCount the calls up from 0."
    )

    def result_id(self, call_id: str, tool: str) -> str:
        """Result id ``functions.NAME:COUNT``, as the family's templates show it."""
        is_whole = _ID.fullmatch(call_id)
        whole = is_whole is not None and is_whole[1] == tool and is_whole[2] is not None
        return call_id if whole else f"functions.{tool}:{call_id}"

    def write_calls(self, calls: Sequence[ToolCall]) -> str:
        """Write all calls between one pair of marks."""
        blocks = (
            f"{_CALL}{self.result_id(c.id, c.name)}{_ARGUMENTS}"
            f"{write_json(dict(c.arguments or {}), _MARKS)}{_END}"
            for c in calls
        )
        return _CALLS + "".join(blocks) + _CALLS_END


def _read(source: Source, beginning: re.Match[str]) -> Found | None:
    head = _HEAD.match(source.text, beginning.end())
    if head is None:
        return Found([unreadable(f"it has no {_ARGUMENTS}")], beginning.end(), DOUBTFUL)
    call_id = head[1].strip()
    parts = _ID.fullmatch(call_id)
    name = parts[1] if parts else ""
    given = call_id if parts and parts[2] else ""
    return json_call(source, name, beginning, head.end(), _TAIL, _END, given)


FORMS.append(
    Form(
        r"<\|tool_call_begin\|>",
        _read,
        r"<\|tool_call(?:s_section)?_(?:begin|end)\|>|<\|tool_call_argument_begin\|>",
    )
)
