"""Messages, actions and tool calls as JSON rows, and back: on the wire and in recorded episodes.

Two forms, which the same functions read. The compact one leaves out a kind that the role implies,
and an error that is None. The full one, which recorded episodes have, always states both, so that
people and other programs need no defaults.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from envgym.messages import Action, Message, ToolCall

_KINDS: dict[str, Any] = {"system": "system", "user": "user", "tool": "tool", "assistant": "action"}


def call_rows(calls: Sequence[ToolCall], *, full: bool = False) -> list[dict[str, Any]]:
    """Return a row for each call."""
    rows = []
    for call in calls:
        arguments = None if call.arguments is None else dict(call.arguments)
        row: dict[str, Any] = {"name": call.name, "arguments": arguments, "id": call.id}
        if full or call.error is not None:
            row["error"] = call.error
        rows.append(row)
    return rows


def calls_of(rows: Sequence[Mapping[str, Any]]) -> tuple[ToolCall, ...]:
    """Return the calls of rows of either form."""
    return tuple(
        ToolCall(row["name"], row["arguments"], row.get("id", "0"), row.get("error"))
        for row in rows
    )


def message_row(message: Message, *, full: bool = False) -> dict[str, Any]:
    """Return a message's row."""
    row: dict[str, Any] = {"role": message.role}
    if full or message.kind != _KINDS.get(message.role):
        row["kind"] = message.kind
    row["content"] = message.content
    if message.tool_calls:
        row["tool_calls"] = call_rows(message.tool_calls, full=full)
    if message.tool_call_id is not None:
        row["tool_call_id"] = message.tool_call_id
    if message.name is not None:
        row["name"] = message.name
    return row


def message_of(row: Mapping[str, Any]) -> Message:
    """Return the message of a row of either form."""
    role: Any = row["role"]
    return Message(
        role,
        row["content"],
        row.get("kind") or _KINDS.get(role, role),
        calls_of(row["tool_calls"]) if "tool_calls" in row else (),
        row.get("tool_call_id"),
        row.get("name"),
    )


def action_row(
    action: Action, *, full: bool = False, known_text: str | None = None
) -> dict[str, Any]:
    """Return an action's row, without its text where that is `known_text`."""
    row: dict[str, Any] = {} if action.text == known_text else {"text": action.text}
    if action.tool_calls:
        row["tool_calls"] = call_rows(action.tool_calls, full=full)
    return row


def action_of(row: Mapping[str, Any], known_text: str = "") -> Action:
    """Return the action of a row of either form; `known_text` is its text where it states none."""
    calls = calls_of(row["tool_calls"]) if "tool_calls" in row else ()
    return Action(row.get("text", known_text), calls)
