"""``{"name": …, "parameters": {…}}``, bare or after ``<|python_tag|>``: Llama 3.1 to 3.3.

A bare object counts where it begins a line and no call with marks stands in the message; several
are separated by semicolons or lines.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from envgym.chat.dialects.base import register_dialect
from envgym.chat.dialects.calls import call_of, unreadable, write_json
from envgym.chat.dialects.families.pythonic import read_python_call
from envgym.chat.dialects.family import FORMS, START, Family, Form
from envgym.chat.dialects.reading import BARE, CALL, DOUBTFUL, Found, Source
from envgym.messages import ToolCall
from envgym.parsing.near_json import BrokenJson
from envgym.tools import ToolSpec

_TAG = "<|python_tag|>"
_BUILT_IN = re.compile(r"([A-Za-z_]\w{0,199})(\.call)?\((?=\s*+(?:\)|\w++\s*+=[^=]))")
_AFTER = re.compile(r"[ \t]*+;\s*+(?=\{)")
_AFTER_TAG = re.compile(r"\s*+(?:;\s*+)?(?=\{)")
_ENDS = re.compile(r"[ \t]*+(?:;|<\||\n|\Z)")
_ENDING = re.compile(r"<\|e(?:om|ot)_id\|>")


@register_dialect
class Llama(Family):
    """JSON objects with ``parameters``."""

    name = "llama3_json"
    example = 'For each call write one line:\n{"name": NAME, "parameters": PARAMETERS}'

    def stop(self, tools: Sequence[ToolSpec]) -> tuple[str, ...]:
        """Stop token: the end of a message whose result the model waits for."""
        return ("<|eom_id|>",)

    def write_calls(self, calls: Sequence[ToolCall]) -> str:
        """Write one object per line."""
        return "\n".join(
            write_json({"name": c.name, "parameters": dict(c.arguments or {})}, (_TAG,))
            for c in calls
        )


def _read(source: Source, beginning: re.Match[str]) -> Found | None:
    tagged = beginning["llama"] is not None
    start = source.skip_space(beginning.end()) if tagged else beginning.end() - 1
    try:
        named = _BUILT_IN.match(source.text, start) if tagged else None
        if named is not None and (named[2] or named[1] in source.tools):
            call, end = read_python_call(source, start)
            return Found([replace(call, name=call.name.removesuffix(".call"))], end)
        if tagged and not (source.at("{", start) or source.at("[", start)):
            return _code(source, start)
        values, end = _values(source, start, _AFTER_TAG if tagged else _AFTER)
    except BrokenJson as error:
        broken = unreadable(f"its JSON is broken ({error})")
        return Found([broken], beginning.end(), CALL if tagged else DOUBTFUL)
    if not tagged and not (_ENDS.match(source.text, end) and all(map(source.is_call, values))):
        return None
    calls = [call_of(value, source.tools) for value in values]
    return Found(calls, end, CALL if tagged else BARE)


def _values(source: Source, start: int, between: re.Pattern[str]) -> tuple[list[Any], int]:
    """The objects from `start` on, those of a list one by one, and where they end."""
    values: list[Any] = []
    while True:
        value, end = source.json(start)
        values.extend(value if isinstance(value, list) and value else [value])
        another = between.match(source.text, end)
        if another is None:
            return values, end
        start = another.end()


def _code(source: Source, start: int) -> Found:
    """Code after the tag, for the only tool that takes ``code``."""
    end = source.search(_ENDING, start)
    stop = end.start() if end else len(source.text)
    takers = [t.name for t in source.tools.values() if "code" in t.arguments.model_fields]
    code = source.text[start:stop].rstrip()
    if len(takers) != 1 or not code:
        problem = (
            f"code follows {_TAG}, and not exactly one tool takes code"
            if code
            else (f"nothing follows {_TAG}")
        )
        return Found([unreadable(problem)], start)
    return Found([ToolCall(takers[0], {"code": code}, "")], stop)


_FIRST_KEY = r"\s*+[\"']?(?:name|type|function)[\"']?\s*+:"
_BARE = rf"(?:\{{(?={_FIRST_KEY})|\[(?=\s*+\{{{_FIRST_KEY}))"
FORMS.append(
    Form(rf"(?P<llama><\|python_tag\|>)|{START}{_BARE}", _read, r"<\|python_tag\|>", _BARE)
)
