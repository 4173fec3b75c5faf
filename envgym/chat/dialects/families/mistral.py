"""``[TOOL_CALLS][{"name": …, "arguments": {…}, "id": …}]``, later ``[TOOL_CALLS]NAME[ARGS]{…}``.

A call's id has nine letters or digits: the family's templates refuse any other.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from envgym.chat.dialects.base import register_dialect
from envgym.chat.dialects.calls import call_of, refusal, unreadable, write_json
from envgym.chat.dialects.family import FORMS, Family, Form
from envgym.chat.dialects.reading import DOUBTFUL, Found, Source
from envgym.messages import ToolCall
from envgym.parsing.near_json import BrokenJson

_OPEN, _ID, _ARGS = "[TOOL_CALLS]", "[CALL_ID]", "[ARGS]"
_MARKS = (_OPEN, _ID, _ARGS)
_NAMED = re.compile(r"\s*+([^\s\[\]{}]{1,200})\s*+(?:\[CALL_ID\]([A-Za-z0-9]{9}))?\[ARGS\]\s*+")
_NINE = re.compile(r"[A-Za-z0-9]{9}")


class _Mistral(Family):
    before_calls = ""

    def result_id(self, call_id: str, tool: str) -> str:
        """Nine letters or digits: a short id with zeros before it, a hash of any other."""
        if _NINE.fullmatch(call_id):
            return call_id
        if call_id.isascii() and call_id.isalnum() and len(call_id) < 9:
            return call_id.rjust(9, "0")
        return hashlib.sha256(call_id.encode(errors="replace")).hexdigest()[:9]


@register_dialect
class Mistral(_Mistral):
    """A mark, the name, a mark and JSON per call: since Mistral Small 3.1 and Magistral."""

    name = "mistral"
    example = f"For each call write:\n{_OPEN}NAME{_ARGS}ARGUMENTS"

    def write_calls(self, calls: Sequence[ToolCall]) -> str:
        """Write one segment per call, without the id, which the model does not sample."""
        return "".join(
            f"{_OPEN}{c.name}{_ARGS}{write_json(dict(c.arguments or {}), _MARKS)}" for c in calls
        )


@register_dialect
class MistralList(_Mistral):
    """A mark and a JSON list of calls: Mistral 7B v0.3, Nemo, Large 2."""

    name = "mistral_list"
    example = f'Write all calls at once:\n{_OPEN}[{{"name": NAME, "arguments": ARGUMENTS}}]'

    def write_calls(self, calls: Sequence[ToolCall]) -> str:
        """Write all calls in one list."""
        values = [
            {
                "name": c.name,
                "arguments": dict(c.arguments or {}),
                "id": self.result_id(c.id, c.name),
            }
            for c in calls
        ]
        return _OPEN + write_json(values, _MARKS)


def _read(source: Source, beginning: re.Match[str]) -> Found | None:
    after = beginning.end()
    start = source.skip_space(after)
    named = _NAMED.match(source.text, after)
    if named is None and not (source.at("[", start) or source.at("{", start)):
        return Found([unreadable(f"no list of calls follows {_OPEN}")], after, DOUBTFUL)
    name = named[1] if named else ""
    try:
        value, end = source.json(named.end() if named else start)
    except BrokenJson as error:
        return Found([unreadable(f"its JSON is broken ({error})", name)], after)
    if named:
        call = call_of({"name": name, "arguments": value}, source.tools)
        return Found([replace(call, id=named[2] or "")], end)
    values = value if isinstance(value, list) else [value]
    calls = [replace(call_of(one, source.tools), id=_id_of(one)) for one in values]
    return Found(calls or [refusal("the list of calls is empty.")], end)


def _id_of(value: Any) -> str:
    call_id = value.get("id") if isinstance(value, dict) else None
    return call_id if isinstance(call_id, str) and _NINE.fullmatch(call_id) else ""


FORMS.append(Form(r"\[TOOL_CALLS\]", _read, r"\[(?:TOOL_CALLS|CALL_ID|ARGS)\]"))
