"""Episodes on disk: one directory per run, one shard per write; JSON to read, loaded back equal.

JSON for people (tasks, texts, rewards) is in ``episodes-NNNNNN.jsonl``, one episode per line; the
token arrays are in ``tokens-NNNNNN.safetensors`` beside it. A shard appears completely or not at
all: both files are written under temporary names, synced and renamed, the tokens first.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from envgym.errors import UsageError
from envgym.store.json_rows import episode_line, episode_of
from envgym.store.token_arrays import TurnTokens, pack, unpack
from envgym.trajectory import Episode, Turn
from envgym.utils.atomic_write import write_atomically


class EpisodeWriter:
    """Writer of shards into a run's directory.

    Args:
        directory: Made where it is not there yet. Shards in it are kept: numbers go on from them.
    """

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)

    def write(
        self, episodes: Sequence[Episode], step: int | None = None, *, overwrite: bool = False
    ) -> Path:
        """Write one shard; return the path of its JSON file.

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
            lines.append(episode_line(episode, len(turns)))
            for trajectory in episode.trajectories.values():
                turns.extend(trajectory.turns)
        packed = pack(turns)
        readable.unlink(missing_ok=True)  # never beside tokens that are not its own
        write_atomically(tokens, packed)
        write_atomically(readable, b"".join(lines))
        return readable

    def _next(self) -> int:
        return max((shard_number(path) for path in shards(self.directory)), default=-1) + 1


def read_episodes(directory: str | os.PathLike[str]) -> Iterator[Episode]:
    """Read the episodes of a run, shard by shard.

    A readable file that was cut gives what stands before the cut.

    Raises:
        UsageError: There is no such directory, a token file is missing, or a line is damaged.
    """
    directory = Path(directory)
    if not directory.is_dir():
        raise UsageError(f"no directory {directory}: give the one a run's episodes were written to")
    for readable in shards(directory):
        yield from read_shard(readable)


def shards(directory: Path) -> list[Path]:
    """List the JSON files of a directory, in order."""
    return sorted(directory.glob("episodes-*.jsonl"), key=shard_number)


def shard_number(readable: Path) -> int:
    """Parse the shard number in a JSON file's name.

    Raises:
        UsageError: It is not named as shards are.
    """
    digits = re.fullmatch(r"episodes-(\d{6,})\.jsonl", readable.name)
    if digits is None:
        raise UsageError(f"{readable} is no shard of ours: its name must be episodes-NNNNNN.jsonl")
    return int(digits[1])


def shard_tokens(readable: Path) -> TurnTokens:
    """Open the token arrays of a JSON file's episodes.

    Raises:
        UsageError: The token file is missing or damaged.
    """
    return unpack(_paths(readable.parent, shard_number(readable))[1])


def read_rows(readable: Path) -> Iterator[dict[str, Any]]:
    """Read the lines of a JSON file, without the token arrays.

    Raises:
        UsageError: A line is damaged.
    """
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
            yield row


def read_shard(readable: Path) -> Iterator[Episode]:
    """Read the episodes of one shard.

    Raises:
        UsageError: The token file is missing, or a line is damaged.
    """
    tokens = shard_tokens(readable)
    for row in read_rows(readable):
        yield episode_of(row, tokens)


def _paths(directory: Path, number: int) -> tuple[Path, Path]:
    name = f"{number:06d}"
    return directory / f"episodes-{name}.jsonl", directory / f"tokens-{name}.safetensors"
