"""Calls as OpenAI-compatible servers return them: a structured list beside the text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from envgym.chat.dialects.base import Dialect, register_dialect
from envgym.messages import Action, ToolCall
from envgym.parsing.near_json import read_json
from envgym.tools import ToolSpec


@register_dialect
class Native(Dialect):
    """The dialect of servers that parse calls themselves; text holds no call."""

    name = "native"
    schema_in_template = True

    def instructions(self, tools: Sequence[ToolSpec]) -> str:
        """An empty text: the tools are sent in the request."""
        return ""

    def parse(self, text: str, tools: Sequence[ToolSpec]) -> Action:
        """Return the text unchanged, without calls."""
        return Action(text)

    def write(self, action: Action, tools: Sequence[ToolSpec]) -> str:
        """Return the text unchanged; the calls stay structured."""
        return action.text

    def neutralise(self, text: str, tools: Sequence[ToolSpec]) -> str:
        """Return the text unchanged: no text is read as a call."""
        return text


def from_openai(message: Mapping[str, Any]) -> Action:
    """Convert an OpenAI assistant message to an action; a malformed call keeps its id.

    Duplicate call ids become unique, so that each result answers one call. A refusal is the text
    where there is no other.
    """
    found = message.get("tool_calls")
    calls: list[ToolCall] = []
    seen: set[str] = set()
    for position, call in enumerate(found if isinstance(found, list | tuple) else ()):
        read = _read(call if isinstance(call, Mapping) else {"function": call}, position)
        while read.id in seen:
            read = replace(read, id=f"{read.id}#{position}")
        seen.add(read.id)
        calls.append(read)
    text = _text(message.get("content")) or _text(message.get("refusal"))
    return Action(text, tuple(calls))


def _text(content: Any) -> str:
    """A message's content, which some servers give in parts."""
    if isinstance(content, list):
        return "".join(_text(p.get("text")) for p in content if isinstance(p, Mapping))
    return content if isinstance(content, str) else ""


def to_openai(call: ToolCall) -> dict[str, Any]:
    """Convert a call to the form that a request's history holds."""
    arguments = json.dumps(dict(call.arguments or {}), ensure_ascii=False)
    return {
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": arguments},
    }


def _read(call: Mapping[str, Any], position: int) -> ToolCall:
    call_id = str(call.get("id") or position)
    function = call.get("function") or {}
    if not isinstance(function, Mapping):
        return ToolCall("", None, call_id, "the call is no object with a function in it.")
    name, text = str(function.get("name") or ""), function.get("arguments") or "{}"
    try:
        arguments = read_json(text) if isinstance(text, str) else text
    except ValueError as error:
        return ToolCall(name, None, call_id, f"its JSON is broken ({error}).")
    if not isinstance(arguments, dict):
        return ToolCall(name, None, call_id, "its arguments must be an object.")
    return ToolCall(name, arguments, call_id)
