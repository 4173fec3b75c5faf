"""DeepSeek V3, R1 and V3.1: calls between tokens of their own, arguments as JSON.

V3 and R1 write ``function<｜tool▁sep｜>NAME`` and a fenced block of JSON, V3.1 writes
``NAME<｜tool▁sep｜>{…}``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from envgym.chat.dialects.base import register_dialect
from envgym.chat.dialects.calls import unreadable, write_json
from envgym.chat.dialects.family import FORMS, Family, Form
from envgym.chat.dialects.reading import DOUBTFUL, Found, Source, json_call
from envgym.messages import ToolCall

_CALLS, _CALLS_END = "<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>"
_CALL, _SEP, _END = "<｜tool▁call▁begin｜>", "<｜tool▁sep｜>", "<｜tool▁call▁end｜>"
_MARKS = (_CALLS, _CALLS_END, _CALL, _SEP, _END)
_HEAD = re.compile(
    r"\s*+([^<\n]{1,200})<｜tool▁sep｜>[ \t]*+([^\s{\[\"'`]{1,200})?\s*+(?:```(?:json)?\s*+)?"
)
_TAIL = re.compile(r"\s*+(?:```)?\s*+(?:<｜tool▁call▁end｜>|(?=<｜tool▁calls?▁)|(?=<｜end)|\Z)")


@register_dialect
class DeepSeekV31(Family):
    """A name, a separator and JSON."""

    name = "deepseek_v31"
    before_calls = ""
    example = f"Write all calls at once:\n{_CALLS}{_CALL}NAME{_SEP}ARGUMENTS{_END}{_CALLS_END}"

    def write_calls(self, calls: Sequence[ToolCall]) -> str:
        """Write all calls between one pair of marks."""
        return (
            _CALLS
            + "".join(
                f"{_CALL}{c.name}{_SEP}{write_json(dict(c.arguments or {}), _MARKS)}{_END}"
                for c in calls
            )
            + _CALLS_END
        )


@register_dialect
class DeepSeekV3(Family):
    """``function``, a separator, a name, and JSON in a fenced block."""

    name = "deepseek_v3"
    before_calls = ""
    example = (
        f"Write all calls at once:\n{_CALLS}{_CALL}function{_SEP}NAME\n```json\nARGUMENTS\n```"
        f"{_END}{_CALLS_END}"
    )

    def write_calls(self, calls: Sequence[ToolCall]) -> str:
        """Write all calls between one pair of marks."""
        blocks = (
            f"{_CALL}function{_SEP}{c.name}\n```json\n"
            f"{write_json(dict(c.arguments or {}), _MARKS)}\n```{_END}"
            for c in calls
        )
        return _CALLS + "\n".join(blocks) + _CALLS_END


def _read(source: Source, beginning: re.Match[str]) -> Found | None:
    head = _HEAD.match(source.text, beginning.end())
    if head is None:
        return Found([unreadable(f"it has no {_SEP}")], beginning.end(), DOUBTFUL)
    name = (head[2] or head[1]).strip()
    return json_call(source, name, beginning, head.end(), _TAIL, _END)


FORMS.append(Form("<｜tool▁call▁begin｜>", _read, "<｜tool▁(?:calls?▁(?:begin|end)|sep)｜>"))
