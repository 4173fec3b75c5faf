"""Wire format of actions and observations.

Every step makes some, so they have the compact form of `envgym.store.message_rows`.
"""

from __future__ import annotations

from typing import cast

from envgym.messages import Action, Observation
from envgym.serve.protocol.frames import ActionRow, MessageRow, SeenRow
from envgym.store import message_rows


def action_row(action: Action) -> ActionRow:
    """Encode an action for the wire."""
    return cast(ActionRow, message_rows.action_row(action))


def action_of(row: ActionRow) -> Action:
    """Decode an action from the wire."""
    return message_rows.action_of(row)


def seen_row(seen: Observation) -> SeenRow:
    """Encode an observation for the wire."""
    messages = [message_rows.message_row(message) for message in seen.messages]
    row: SeenRow = {"messages": cast(list[MessageRow], messages)}
    if seen.replace_from is not None:
        row["replace_from"] = seen.replace_from
    return row


def seen_of(row: SeenRow) -> Observation:
    """Decode an observation from the wire."""
    return Observation(
        tuple(map(message_rows.message_of, row["messages"])), row.get("replace_from")
    )
