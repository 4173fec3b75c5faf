"""JSON lines of episodes: everything but the token arrays."""

from __future__ import annotations

import json
from typing import Any, Protocol

from envgym.errors import UsageError
from envgym.messages import Message
from envgym.stop_reason import StopReason
from envgym.store.message_rows import action_of, action_row, message_of, message_row
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
        "role": episode.role,
        "guided_by": episode.guided_by,
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
                "final": [message_row(m, full=True) for m in trajectory.final],
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
        "messages": [message_row(m, full=True) for m in turn.messages],
        "text": turn.text,
        "reward": turn.reward,
        "restart": turn.restart,
    }
    if turn.anchor:
        row["anchor"] = turn.anchor
    if turn.cut:
        row["cut"] = True
    if turn.taken is not None:
        row["taken"] = action_row(turn.taken, full=True, known_text=turn.text)
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
                turn["taken"] = action_of(turn["taken"], turn["text"])
            turns.append(Turn(**tokens[number], **turn))
            number += 1
        row["trajectories"][seat] = Trajectory(part["seat"], turns, _messages(part["final"]))
    return Episode(**row)


def _messages(rows: list[dict[str, Any]]) -> tuple[Message, ...]:
    return tuple(message_of(row) for row in rows)
