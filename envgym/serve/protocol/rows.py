"""Wire format of actions and observations.

Every step makes some: what is as it mostly is (no calls, a kind that the role says) is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from envgym.messages import Action, Message, Observation, ToolCall
from envgym.serve.protocol.frames import ActionRow, CallRow, MessageRow, SeenRow

_KINDS: dict[str, Any] = {"system": "system", "user": "user", "tool": "tool", "assistant": "action"}


def action_row(action: Action) -> ActionRow:
    """Encode an action for the wire."""
    row: ActionRow = {"text": action.text}
    if action.tool_calls:
        row["tool_calls"] = _call_rows(action.tool_calls)
    return row


def action_of(row: ActionRow) -> Action:
    """Decode an action from the wire."""
    return Action(row["text"], _calls(row["tool_calls"]) if "tool_calls" in row else ())


def seen_row(seen: Observation) -> SeenRow:
    """Encode an observation for the wire."""
    row: SeenRow = {"messages": [_message_row(m) for m in seen.messages]}
    if seen.replace_from is not None:
        row["replace_from"] = seen.replace_from
    return row


def seen_of(row: SeenRow) -> Observation:
    """Decode an observation from the wire."""
    return Observation(tuple(map(_message, row["messages"])), row.get("replace_from"))


def _message_row(message: Message) -> MessageRow:
    row: MessageRow = {"role": message.role, "content": message.content}
    if message.kind != _KINDS.get(message.role):
        row["kind"] = message.kind
    if message.tool_calls:
        row["tool_calls"] = _call_rows(message.tool_calls)
    if message.tool_call_id is not None:
        row["tool_call_id"] = message.tool_call_id
    if message.name is not None:
        row["name"] = message.name
    return row


def _message(row: MessageRow) -> Message:
    role: Any = row["role"]
    return Message(
        role,
        row["content"],
        row.get("kind") or _KINDS.get(role, role),
        _calls(row["tool_calls"]) if "tool_calls" in row else (),
        row.get("tool_call_id"),
        row.get("name"),
    )


def _call_rows(calls: Sequence[ToolCall]) -> list[CallRow]:
    rows: list[CallRow] = []
    for call in calls:
        arguments = None if call.arguments is None else dict(call.arguments)
        row: CallRow = {"name": call.name, "arguments": arguments, "id": call.id}
        if call.error is not None:
            row["error"] = call.error
        rows.append(row)
    return rows


def _calls(rows: Sequence[CallRow]) -> tuple[ToolCall, ...]:
    return tuple(
        ToolCall(row["name"], row["arguments"], row.get("id", "0"), row.get("error"))
        for row in rows
    )
