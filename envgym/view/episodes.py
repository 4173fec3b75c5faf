"""Episodes in the page's data: a list row per episode, and every token of an opened one.

Names are short and equal values said once, because a page holds hundreds of thousands of tokens.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from envgym.messages import Message, ToolCall
from envgym.task import Task
from envgym.trajectory import POLICY, Episode, Trajectory, Turn
from envgym.utils.bounded_text import bounded_middle
from envgym.view.tokens import Pieces

_TASK_CHARACTERS = 300  # of a task's text in the list
_CHARACTERS_A_TOKEN = 4  # texts are cut where about as many tokens would be


def list_row(shard_key: str, line: int, row: dict[str, Any]) -> dict[str, Any]:
    """Make the list row of an episode from its line's JSON."""
    parts = list(row["trajectories"].values())
    return {
        "key": f"{shard_key}/{line}",
        "set": shard_key,
        "task": task_text(row),
        "task_key": Task(**row["task"]).key,
        "score": row["score"],
        "reward": sum(t["reward"] for t in parts[0]["turns"]) if parts else 0.0,
        "stop": row["stop_reason"],
        "role": row.get("role", POLICY),  # episodes of before roles were recorded
        "guided_by": row.get("guided_by", ""),
        "turns": sum(len(part["turns"]) for part in parts),
        "fault": row["fault"],
    }


def task_text(row: dict[str, Any]) -> str:
    """Summarize a task in one line: the texts in its data, or the agent's first messages."""
    data = row["task"]["data"]
    texts = [value for value in data.values() if isinstance(value, str) and value.strip()]
    if not texts:
        turns = [turn for part in row["trajectories"].values() for turn in part["turns"][:1]]
        asked = [m["content"] for turn in turns for m in turn["messages"] if m["kind"] == "user"]
        texts = asked[:1] or [json.dumps(data, ensure_ascii=False)]
    return " · ".join(" ".join(text.split()) for text in texts)[:_TASK_CHARACTERS]


def details(episode: Episode, pieces: Pieces | None, span_tokens: int) -> dict[str, Any]:
    """Make the data of an opened episode.

    Args:
        span_tokens: Stretches longer than this many tokens lose their middle.
    """
    cutter = _Cutter(pieces, span_tokens, _guidance_notes(episode.guided_by))
    return {
        "id": episode.id,
        "seed": episode.seed,
        "group": episode.group,
        "metrics": episode.metrics,
        "fault": episode.fault,
        "seconds": [episode.wall_s, episode.agent_s, episode.env_s],
        "data": dict(episode.task.data),
        "hidden": dict(episode.task.hidden),
        "seats": [cutter.seat(t) for t in episode.trajectories.values()],
    }


def _guidance_notes(guided_by: str) -> dict[str, str]:
    """Notes on the messages that guided an episode, by their kind: level, and who sees them."""
    found = re.search(r":([0-9]+)$", guided_by)
    level = f"level {found[1]}, " if found else ""
    return {"hint": f"{level}not seen by the loss", "shown": f"{level}seen by the loss"}


class _Cutter:
    def __init__(self, pieces: Pieces | None, limit: int, notes: dict[str, str]) -> None:
        self._pieces = pieces
        self._limit = limit
        self._notes = notes

    def seat(self, trajectory: Trajectory) -> dict[str, Any]:
        return {
            "seat": trajectory.seat,
            "turns": [self._turn(turn) for turn in trajectory.turns],
            "final": [self._message(m) for m in trajectory.final],
        }

    def _turn(self, turn: Turn) -> dict[str, Any]:
        if turn.context and self._pieces is not None:
            blocks = [self._tokens(s.kind, s.ids) for s in turn.context]
        else:
            blocks = [self._message(m) for m in turn.messages]
        if turn.action and self._pieces is not None:
            action = self._tokens("action", turn.action)
            for name, values in (
                ("lp", turn.logprobs),
                ("adv", turn.advantages),
                ("tlp", turn.target_logprobs),
            ):
                action[name] = _once([round(v, 4) for v in self._middle(values)])
            action["v"] = _once(self._middle(turn.versions))
        else:
            # A sampled text holds its calls; an agent without tokens gave them apart.
            apart = turn.taken.tool_calls if turn.taken and not turn.action else ()
            text = "\n".join(part for part in (turn.text, _calls(apart)) if part)
            action = self._text("action", text)
        blocks.append(action)
        for block in blocks:
            if note := self._notes.get(block["k"]):
                block["note"] = note
        return {
            "blocks": blocks,
            "reward": turn.reward,
            "restart": turn.restart,
            "n": len(turn.action),
            "mean_lp": _means(turn),
        }

    def _tokens(self, kind: str, ids: Sequence[int]) -> dict[str, Any]:
        assert self._pieces is not None
        kept = self._middle(ids)
        block: dict[str, Any] = {"k": kind, "p": self._pieces(ids), "i": kept}
        block["p"] = self._middle(block["p"])
        if len(kept) < len(ids):
            block["cut"] = [self._limit // 2, len(ids) - len(kept)]
        return block

    def _message(self, message: Message) -> dict[str, Any]:
        text = "\n".join(part for part in (message.content, _calls(message.tool_calls)) if part)
        return self._text(message.kind, text)

    def _text(self, kind: str, text: str) -> dict[str, Any]:
        most = self._limit * _CHARACTERS_A_TOKEN
        return {"k": kind, "text": bounded_middle(text, most, head=1, tail=1)}

    def _middle(self, values: Sequence[Any]) -> list[Any]:
        """Values without the middle ones, where there are too many."""
        if len(values) <= self._limit:
            return list(values)
        half = self._limit // 2
        return [*values[:half], *values[-half:]]


def _means(turn: Turn) -> list[float] | None:
    """Mean log-prob of all its tokens with the hints, and without; None where one is unknown."""
    count = len(turn.action)
    known = len(turn.logprobs) == len(turn.target_logprobs) == count > 0
    both = (turn.logprobs, turn.target_logprobs)
    return [round(sum(values) / count, 4) for values in both] if known else None


def _once(values: list[Any]) -> Any:
    """A list of equal values as the value alone; None for an empty one."""
    if not values:
        return None
    return values[0] if all(value == values[0] for value in values) else values


def _calls(calls: Sequence[ToolCall]) -> str:
    return "\n".join(_call(call) for call in calls)


def _call(call: ToolCall) -> str:
    if call.arguments is None:
        return f"{call.name}(?)"
    arguments = ", ".join(
        f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in call.arguments.items()
    )
    return f"{call.name}({arguments})"
