"""``[search(query="Rome"), wait()]``: a list of Python calls with literals as arguments.

Llama 4 and Llama 3.2 write it bare, LFM2 between marks of its own. A bare list counts where it
begins a line, ends one, and no call with marks stands in the message.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from envgym.chat.dialects.base import register_dialect
from envgym.chat.dialects.calls import letters_kept, refusal, unreadable, write_json
from envgym.chat.dialects.family import FORMS, START, Family, Form
from envgym.chat.dialects.reading import BARE, CALL, Found, Source
from envgym.messages import ToolCall
from envgym.parsing.near_json import BrokenJson

_CALL = re.compile(r"\s*+([A-Za-z_][\w.]{0,199})\(\s*+")
_KEY = re.compile(r"\s*+([A-Za-z_]\w{0,199})\s*+=\s*+")
_LFM, _LFM_END = "<|tool_call_start|>", "<|tool_call_end|>"
_END = re.compile(r"\s*+<\|(?:python|tool_call)_end\|>")
_ENDS = re.compile(r"[ \t]*+(?:<\|[\w]+\|>|\n|\Z)")
_WORDS = {"true": "True", "false": "False", "null": "None"}
_WORD = re.compile(r'"(?:[^"\\]|\\.)*+"|\b(?:true|false|null)\b')


class _Lists(Family):
    def write_calls(self, calls: Sequence[ToolCall]) -> str:
        """One list."""
        return f"[{', '.join(map(_written, calls))}]"


@register_dialect
class Pythonic(_Lists):
    """A bare list."""

    name = "pythonic"
    example = "Write all calls at once, as one list of Python calls:\n[NAME(KEY=VALUE)]"


@register_dialect
class Lfm(_Lists):
    """A list between marks."""

    name = "lfm2"
    before_calls = ""
    example = f"Write all calls at once, as one list:\n{_LFM}[NAME(KEY=VALUE)]{_LFM_END}"

    def write_calls(self, calls: Sequence[ToolCall]) -> str:
        """Write one list between marks."""
        return f"{_LFM}{super().write_calls(calls)}{_LFM_END}"


def read_python_call(source: Source, position: int) -> tuple[ToolCall, int]:
    """Parse the call ``name(key=literal, …)`` at `position`; return it and its end.

    Raises:
        BrokenJson: There is none.
    """
    text, opened = source.text, _CALL.match(source.text, position)
    if opened is None:
        raise BrokenJson(text, position, position, "no call", "write NAME(KEY=VALUE)")
    name, arguments = opened[1], dict[str, Any]()
    position = opened.end()
    while not source.at(")", position):
        key = _KEY.match(text, position)
        if key is None:
            raise BrokenJson(text, opened.start(), position, "no name=value", "name each argument")
        if key[1] in arguments:
            raise BrokenJson(text, opened.start(), position, f"{key[1]} is given twice")
        arguments[key[1]], end = source.json(key.end())
        position = source.skip_space(end)
        if source.at(",", position):
            position = source.skip_space(position + 1)
        elif not source.at(")", position):
            raise BrokenJson(text, opened.start(), position, "no comma", "put a comma there")
    return ToolCall(name, letters_kept(arguments, source.tools.get(name)), ""), position + 1


def _read(source: Source, beginning: re.Match[str]) -> Found | None:
    marked = beginning["pythonic"]
    position = beginning.end()
    calls: list[ToolCall] = []
    try:
        while not source.at("]", position):
            call, position = read_python_call(source, position)
            calls.append(call)
            position = source.skip_space(position)
            if source.at(",", position):
                position = source.skip_space(position + 1)
            elif not source.at("]", position):
                raise BrokenJson(source.text, beginning.start(), position, "the list is not closed")
    except BrokenJson as error:
        sureness = CALL if marked else BARE
        return Found([unreadable(f"its list is broken ({error})")], beginning.end(), sureness)
    position += 1
    if marked:
        end = re.compile(r"\s*+<\|(?:python_end|tool_call_end)\|>").match(source.text, position)
        return Found(
            calls or [refusal("the list of calls is empty.")], end.end() if end else position
        )
    if not _ENDS.match(source.text, position):
        return None
    return Found(calls, position, BARE)


def _written(call: ToolCall) -> str:
    pairs = ((name, write_json(value)) for name, value in (call.arguments or {}).items())
    arguments = (
        f"{name}={_WORD.sub(lambda m: _WORDS.get(m[0], m[0]), value)}" for name, value in pairs
    )
    return f"{call.name}({', '.join(arguments)})"


_BARE = r"\[(?=\s*+[A-Za-z_][\w.]*+\(\s*+(?:\)|[A-Za-z_]\w*+\s*+=(?!=)))"
FORMS.append(
    Form(
        rf"(?P<pythonic><\|(?:python_start|tool_call_start)\|>)\s*+\[|{START}{_BARE}",
        _read,
        r"<\|(?:python|tool_call)_(?:start|end)\|>",
        _BARE,
    )
)
