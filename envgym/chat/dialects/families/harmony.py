"""``<|channel|>commentary to=functions.NAME <|constrain|>json<|message|>{…}<|call|>``: gpt-oss.

The recipient stands before the channel as well (``<|start|>assistant to=functions.NAME``). A call
within an analysis channel's message is thought; a message to a tool in that channel is a call.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from envgym.chat.dialects.base import register_dialect
from envgym.chat.dialects.calls import write_json
from envgym.chat.dialects.family import FORMS, Family, Form
from envgym.chat.dialects.reading import Found, Source, json_call
from envgym.messages import ToolCall
from envgym.tools import ToolSpec

_CALL, _NEXT = "<|call|>", "<|start|>assistant"
_MARKS = ("<|start|>", "<|channel|>", "<|constrain|>", "<|message|>", _CALL)
_TAIL = re.compile(r"\s*+(?:<\|call\|>|(?=<\|(?:end|return|start|im_end)\|>)|\Z)")
_TO = r"\s*+to=(?:functions\.)?(?P<{}>[\w.-]{{1,200}})"
_TYPE = r"\s*+(?:<\|constrain\|>)?\s*+\w{0,20}\s*+<\|message\|>\s*+"
_CHANNEL = r"<\|channel\|>\s*+(?:commentary|analysis)"


@register_dialect
class Harmony(Family):
    """A message to a function, its arguments as JSON."""

    name = "harmony"
    before_calls = ""
    example = (
        "For each call write a message to its function:\n"
        f"<|channel|>commentary to=functions.NAME <|constrain|>json<|message|>ARGUMENTS{_CALL}"
    )

    def stop(self, tools: Sequence[ToolSpec]) -> tuple[str, ...]:
        """Stop token: the end of a call."""
        return (_CALL,)

    def write_calls(self, calls: Sequence[ToolCall]) -> str:
        """Write one message per call."""
        return _NEXT.join(
            f"<|channel|>commentary to=functions.{c.name} <|constrain|>json<|message|>"
            f"{write_json(dict(c.arguments or {}), _MARKS)}{_CALL}"
            for c in calls
        )


def _read(source: Source, beginning: re.Match[str]) -> Found | None:
    name = beginning["harmony"] or beginning["recipient"]
    return json_call(source, name, beginning, beginning.end(), _TAIL, _CALL)


FORMS.append(
    Form(
        rf"(?:{_CHANNEL}{_TO.format('harmony')}"
        rf"|<\|start\|>assistant{_TO.format('recipient')}\s*+{_CHANNEL}){_TYPE}",
        _read,
        r"<\|(?:start|channel|constrain|message|call)\|>",
    )
)
