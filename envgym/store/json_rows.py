"""JSON lines of episodes: everything but the token arrays."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Protocol

from envgym.errors import UsageError
from envgym.messages import Action, Message, ToolCall
from envgym.stop_reason import StopReason
from envgym.task import Task
from envgym.trajectory import Episode, Trajectory, Turn


class TokensByTurn(Protocol):
    """Token fields per turn, usually an `envgym.store.token_arrays.TurnTokens`."""

    def __getitem__(self, number: int, /) -> dict[str, Any]: ...


def episode_line(episode: Episode, first_turn: int) -> bytes:
    """Format the JSON line of an episode whose turns begin at `first_turn` of the token file."""
    row = {
        "id": episode.id,
        "env": episode.env,
        "task": episode.task.to_json(),
        "seed": episode.seed,
        "group": episode.group,
        "score": episode.score,
        "stop_reason": episode.stop_reason,
        "metrics": episode.metrics,
        "fault": episode.fault,
        "wall_s": episode.wall_s,
        "agent_s": episode.agent_s,
        "env_s": episode.env_s,
        "first_turn": first_turn,  # where its tokens begin in the token file
        "trajectories": {
            seat: {
                "seat": trajectory.seat,
                "turns": [_turn_row(turn) for turn in trajectory.turns],
                "final": [_message_row(m) for m in trajectory.final],
            }
            for seat, trajectory in episode.trajectories.items()
        },
    }
    try:
        text = json.dumps(row, ensure_ascii=False)
        return text.encode() + b"\n"
    except UnicodeEncodeError:  # half a surrogate pair: only escapes can hold it
        return json.dumps(row).encode() + b"\n"
    except TypeError as error:
        raise UsageError(
            f"episode {episode.id} cannot be written ({error}): keep tasks, metrics and arguments "
            "to JSON values"
        ) from error


def _turn_row(turn: Turn) -> dict[str, Any]:
    row: dict[str, Any] = {
        "messages": [_message_row(m) for m in turn.messages],
        "text": turn.text,
        "reward": turn.reward,
        "restart": turn.restart,
    }
    if turn.anchor:
        row["anchor"] = turn.anchor
    if turn.taken is not None:
        row["taken"] = _action_row(turn.taken, turn.text)
    return row


def _action_row(action: Action, text: str) -> dict[str, Any]:
    """An action; its text is left out where it is the turn's."""
    row: dict[str, Any] = {} if action.text == text else {"text": action.text}
    if action.tool_calls:
        row["tool_calls"] = _call_rows(action.tool_calls)
    return row


def _call_rows(calls: Sequence[ToolCall]) -> list[dict[str, Any]]:
    return [
        {
            "name": call.name,
            "arguments": None if call.arguments is None else dict(call.arguments),
            "id": call.id,
            "error": call.error,
        }
        for call in calls
    ]


def _message_row(message: Message) -> dict[str, Any]:
    row: dict[str, Any] = {"role": message.role, "kind": message.kind, "content": message.content}
    if message.tool_calls:
        row["tool_calls"] = _call_rows(message.tool_calls)
    if message.tool_call_id is not None:
        row["tool_call_id"] = message.tool_call_id
    if message.name is not None:
        row["name"] = message.name
    return row


def episode_of(row: dict[str, Any], tokens: TokensByTurn) -> Episode:
    """Rebuild the episode of a line; takes `row` apart."""
    row["task"] = Task(**row["task"])
    row["stop_reason"] = StopReason(row["stop_reason"])
    number = row.pop("first_turn")
    for seat, part in row["trajectories"].items():
        turns = []
        for turn in part["turns"]:
            turn["messages"] = _messages(turn["messages"])
            if "taken" in turn:
                turn["taken"] = _action(turn["taken"], turn["text"])
            turns.append(Turn(**tokens[number], **turn))
            number += 1
        row["trajectories"][seat] = Trajectory(part["seat"], turns, _messages(part["final"]))
    return Episode(**row)


def _messages(rows: list[dict[str, Any]]) -> tuple[Message, ...]:
    for row in rows:
        row["tool_calls"] = _calls(row)
    return tuple(Message(**row) for row in rows)


def _action(row: dict[str, Any], text: str) -> Action:
    return Action(row.get("text", text), _calls(row))


def _calls(row: dict[str, Any]) -> tuple[ToolCall, ...]:
    return tuple(ToolCall(**call) for call in row.get("tool_calls", ()))
