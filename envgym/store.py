"""Episodes on disk: one directory a run, a shard a write, readable by people and loaded back equal.

What people read (tasks, texts, rewards) stands in ``episodes-NNNNNN.jsonl``, one episode a line;
the token arrays in ``tokens-NNNNNN.safetensors`` beside it. A shard appears at once or not at all:
both files are written under another name, synced and renamed, the tokens first.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from envgym.errors import UsageError
from envgym.messages import Message, ToolCall
from envgym.stop import StopReason
from envgym.store_tokens import TurnTokens, pack, unpack
from envgym.task import Task
from envgym.trajectory import Episode, Trajectory, Turn


class EpisodeWriter:
    """Writes shards into a run's directory.

    Args:
        directory: Made where it is not there yet. Shards in it are kept: numbers go on from them.
    """

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)

    def write(
        self, episodes: Sequence[Episode], step: int | None = None, *, overwrite: bool = False
    ) -> Path:
        """Write one shard; returns the path of its readable file.

        Loading gives equal episodes back, where tasks, metrics and arguments are JSON values
        (tuples come back as lists, subclasses of `Task` as `Task`). Log-probs are kept as float32:
        those that a model in float32 or less gave are loaded exactly.

        Args:
            step: The shard's number; the next free one when None.
            overwrite: Replace a shard of that number (a run resumed from before it).

        Raises:
            UsageError: The shard exists, or an episode holds a value that JSON cannot.
        """
        number = self._next() if step is None else step
        readable, tokens = _paths(self.directory, number)
        if readable.exists() and not overwrite:
            raise UsageError(f"{readable} exists: give another step, or overwrite=True")
        lines: list[bytes] = []
        turns: list[Turn] = []
        for episode in episodes:
            lines.append(_line(episode, len(turns)))
            turns.extend(
                t for trajectory in episode.trajectories.values() for t in trajectory.turns
            )
        packed = pack(turns)
        readable.unlink(missing_ok=True)  # never beside tokens that are not its own
        _put(tokens, packed)
        _put(readable, b"".join(lines))
        return readable

    def _next(self) -> int:
        shards = self.directory.glob("episodes-*.jsonl")
        return max((_number(path) for path in shards), default=-1) + 1


def read_episodes(directory: str | os.PathLike[str]) -> Iterator[Episode]:
    """The episodes of a run, shard by shard.

    A readable file that was cut gives what stands before the cut.

    Raises:
        UsageError: There is no such directory, a token file is missing, or a line is damaged.
    """
    directory = Path(directory)
    if not directory.is_dir():
        raise UsageError(f"no directory {directory}: give the one a run's episodes were written to")
    for readable in sorted(directory.glob("episodes-*.jsonl"), key=_number):
        yield from _read_shard(readable)


def _read_shard(readable: Path) -> Iterator[Episode]:
    tokens = unpack(_paths(readable.parent, _number(readable))[1])
    with readable.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                row = json.loads(line)
            except ValueError as error:
                if not line.endswith(b"\n"):
                    return  # the cut
                raise UsageError(
                    f"{readable}, line {number} is no JSON: take the line out, or restore the file"
                ) from error
            yield _episode(row, tokens)


def _line(episode: Episode, first_turn: int) -> bytes:
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
    return {
        "messages": [_message_row(m) for m in turn.messages],
        "text": turn.text,
        "reward": turn.reward,
        "restart": turn.restart,
    }


def _message_row(message: Message) -> dict[str, Any]:
    row: dict[str, Any] = {"role": message.role, "kind": message.kind, "content": message.content}
    if message.tool_calls:
        row["tool_calls"] = [
            {
                "name": call.name,
                "arguments": None if call.arguments is None else dict(call.arguments),
                "id": call.id,
                "error": call.error,
            }
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        row["tool_call_id"] = message.tool_call_id
    if message.name is not None:
        row["name"] = message.name
    return row


def _episode(row: dict[str, Any], tokens: TurnTokens) -> Episode:
    row["task"] = Task(**row["task"])
    row["stop_reason"] = StopReason(row["stop_reason"])
    number = row.pop("first_turn")
    for seat, part in row["trajectories"].items():
        turns = []
        for turn in part["turns"]:
            turn["messages"] = _messages(turn["messages"])
            turns.append(Turn(**tokens[number], **turn))
            number += 1
        row["trajectories"][seat] = Trajectory(part["seat"], turns, _messages(part["final"]))
    return Episode(**row)


def _messages(rows: list[dict[str, Any]]) -> tuple[Message, ...]:
    for row in rows:
        row["tool_calls"] = tuple(ToolCall(**call) for call in row.get("tool_calls", ()))
    return tuple(Message(**row) for row in rows)


def _paths(directory: Path, number: int) -> tuple[Path, Path]:
    name = f"{number:06d}"
    return directory / f"episodes-{name}.jsonl", directory / f"tokens-{name}.safetensors"


def _number(readable: Path) -> int:
    digits = re.fullmatch(r"episodes-(\d{6,})\.jsonl", readable.name)
    if digits is None:
        raise UsageError(f"{readable} is no shard of ours: its name must be episodes-NNNNNN.jsonl")
    return int(digits[1])


def _put(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole, or not at all, whenever the power goes."""
    draft = path.with_name(f".{path.name}.tmp")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
