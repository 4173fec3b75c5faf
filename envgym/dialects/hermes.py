"""``<tool_call>{"name": …, "arguments": {…}}</tool_call>``: Hermes, Qwen2.5 and Qwen3."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from envgym.dialects.base import Dialect, register_dialect
from envgym.messages import Action, ToolCall
from envgym.tools import ToolSpec

_OPEN, _CLOSE = "<tool_call>", "</tool_call>"


@register_dialect
class Hermes(Dialect):
    """JSON calls between tags; any number of them in a message."""

    name = "hermes"
    schema_in_template = True

    def instructions(self, tools: Sequence[ToolSpec]) -> str:
        """The schemas and the form, for chat templates that do not show tools themselves."""
        schemas = "\n".join(json.dumps(t.schema, ensure_ascii=False) for t in tools)
        return (
            f"# Tools\n\nYou may call these functions:\n<tools>\n{schemas}\n</tools>\n\n"
            "For each call write a JSON object with name and arguments:\n"
            f'{_OPEN}\n{{"name": <name>, "arguments": <arguments>}}\n{_CLOSE}'
        )

    def parse(self, text: str, tools: Sequence[ToolSpec]) -> Action:
        """Every block is one call; a block without its end runs to the end of the text."""
        calls: list[ToolCall] = []
        position = text.find(_OPEN)
        while position >= 0:
            body_start = position + len(_OPEN)
            end = text.find(_CLOSE, body_start)
            body = text[body_start : end if end >= 0 else len(text)]
            calls.append(_read(body, str(len(calls)), closed=end >= 0))
            position = text.find(_OPEN, end + len(_CLOSE)) if end >= 0 else -1
        return Action(text, tuple(calls))

    def write(self, action: Action, tools: Sequence[ToolSpec]) -> str:
        """The text followed by one block a call."""
        blocks = [f"{_OPEN}\n{_body(c)}\n{_CLOSE}" for c in action.tool_calls]
        return "\n".join(([action.text] if action.text else []) + blocks)

    def neutralise(self, text: str, tools: Sequence[ToolSpec]) -> str:
        """Break the tags with a space after the bracket."""
        return re.sub(r"<(/?tool_call>)", r"< \1", text)


def _body(call: ToolCall) -> str:
    """The call as JSON; a closing tag inside a string is escaped, so that it closes nothing."""
    value = {"name": call.name, "arguments": dict(call.arguments or {})}
    return json.dumps(value, ensure_ascii=False).replace(_CLOSE, "\\u003c" + _CLOSE[1:])


def _read(body: str, call_id: str, *, closed: bool) -> ToolCall:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        reason = "it has no </tool_call>" if not closed else f"its JSON is broken ({error})"
        return ToolCall("", None, call_id, f"the call could not be read: {reason}.")
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        return ToolCall("", None, call_id, 'a call is an object with "name" and "arguments".')
    arguments = value.get("arguments", {})
    if isinstance(arguments, str):  # some models quote the object once more
        try:
            arguments = json.loads(arguments)
        except (ValueError, RecursionError):
            arguments = None
    if not isinstance(arguments, dict):
        return ToolCall(value["name"], None, call_id, '"arguments" must be an object.')
    return ToolCall(value["name"], arguments, call_id)
