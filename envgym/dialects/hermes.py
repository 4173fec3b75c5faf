"""``<tool_call>{"name": …, "arguments": {…}}</tool_call>``: Hermes, Qwen2.5 and Qwen3."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from envgym.dialects.base import Dialect, read_json, register_dialect, write_json
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
        """Every block is one call; one that is never closed ends where the next begins."""
        calls: list[ToolCall] = []
        position = text.find(_OPEN)
        while position >= 0:
            start = position + len(_OPEN)
            end = text.find(_CLOSE, start)
            body = text[start : end if end >= 0 else len(text)]
            for block, closed in _blocks(body, end >= 0):
                calls.append(_read(block, str(len(calls)), closed=closed))
            position = text.find(_OPEN, end + len(_CLOSE)) if end >= 0 else -1
        return Action(text, tuple(calls))

    def write(self, action: Action, tools: Sequence[ToolSpec]) -> str:
        """The text, its own tags broken, followed by one block a call."""
        if not action.tool_calls:
            return action.text
        blocks = [f"{_OPEN}\n{_body(c)}\n{_CLOSE}" for c in action.tool_calls]
        text = self.neutralise(action.text, tools)
        return "\n".join(([text] if text else []) + blocks)

    def neutralise(self, text: str, tools: Sequence[ToolSpec]) -> str:
        """Break the tags with a space after the bracket."""
        return re.sub(r"<(/?tool_call>)", r"< \1", text)


def _blocks(body: str, closed: bool) -> list[tuple[str, bool]]:
    """The blocks in what stands between an opening tag and the next closing one.

    It is one where it is JSON: an opening tag in it is part of a string. Elsewhere such a tag began
    a new call, and those before it were left half open.
    """
    if _OPEN not in body or _is_json(body):
        return [(body, closed)]
    *cut, last = body.split(_OPEN)
    return [(block, False) for block in cut if block.strip()] + [(last, closed)]


def _is_json(text: str) -> bool:
    try:
        read_json(text)
    except ValueError:
        return False
    return True


def _body(call: ToolCall) -> str:
    """The call as JSON; a tag inside a string is escaped, so that it opens or closes nothing."""
    return write_json({"name": call.name, "arguments": dict(call.arguments or {})}, (_OPEN, _CLOSE))


def _read(body: str, call_id: str, *, closed: bool) -> ToolCall:
    try:
        value = read_json(body)
    except ValueError as error:
        reason = "it has no </tool_call>" if not closed else f"its JSON is broken ({error})"
        return ToolCall("", None, call_id, f"the call could not be read: {reason}.")
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        return ToolCall("", None, call_id, 'a call is an object with "name" and "arguments".')
    arguments = value.get("arguments", {})
    if isinstance(arguments, str):  # some models quote the object once more
        try:
            arguments = read_json(arguments)
        except ValueError:
            arguments = None
    if not isinstance(arguments, dict):
        return ToolCall(value["name"], None, call_id, '"arguments" must be an object.')
    return ToolCall(value["name"], arguments, call_id)
