"""Scanner of a folder of episodes: a training run, or the output of ``rollout --save``.

A shard is scanned line by line and only figures and line offsets are kept, so that a folder of a
million episodes can be looked into; what is shown is read again, by itself.
"""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from envgym.errors import UsageError
from envgym.store.episodes import shard_number, shards

_BEFORE = {"untrained": -2, "warm_start": -1}  # evaluations before the first step, in this order


@dataclass
class Shard:
    """A shard of episodes: one evaluation, one recorded training step, or one saved rollout.

    Attributes:
        key: Unique in its folder, and stable: ``train/10``.
        kind: ``evaluation``, ``training`` or ``episodes``.
        step: Training steps done before it; None where there is no training, or the last one.
        lines: Offset and size in bytes of every whole line.
        damaged: Lines that are no JSON.
        scores: Scores of episodes without a fault, by group.
    """

    key: str
    title: str
    kind: str
    step: int | None
    path: Path
    lines: list[tuple[int, int]] = field(default_factory=list)
    damaged: int = 0
    faults: int = 0
    turns: int = 0
    env: str = ""
    scores: dict[str, list[float]] = field(default_factory=dict)
    by_difficulty: dict[str, list[float]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.lines)

    def rows(self, numbers: list[int]) -> Iterator[dict[str, Any]]:
        """Read the JSON of some lines."""
        with self.path.open("rb") as file:
            for number in numbers:
                offset, size = self.lines[number]
                file.seek(offset)
                yield json.loads(file.read(size))

    def figures(self) -> dict[str, Any]:
        """Summarize the shard; the standard error is over groups, as in evaluations."""
        means = [statistics.fmean(scores) for scores in self.scores.values()]
        played = sum(map(len, self.scores.values()))
        return {
            "key": self.key,
            "title": self.title,
            "kind": self.kind,
            "step": self.step,
            "episodes": len(self),
            "tasks": len(means),
            "score": statistics.fmean(means) if means else None,
            "stderr": statistics.stdev(means) / len(means) ** 0.5 if len(means) > 1 else 0.0,
            "turns": self.turns / played if played else None,
            "faults": self.faults,
            "damaged": self.damaged,
            "by_difficulty": {
                name: statistics.fmean(scores)
                for name, scores in sorted(self.by_difficulty.items())
            },
        }

    def scan(self) -> Shard:
        """Scan the whole file once."""
        offset = 0
        with self.path.open("rb") as file:
            for line in file:
                try:
                    self._add(json.loads(line))
                    self.lines.append((offset, len(line)))
                except (ValueError, KeyError, TypeError):  # damaged, or still being written
                    self.damaged += 1
                offset += len(line)
        return self

    def _add(self, row: dict[str, Any]) -> None:
        score, group, difficulty = row["score"], row["group"], row["task"]["difficulty"]
        turns = sum(len(part["turns"]) for part in row["trajectories"].values())
        self.env = row["env"]
        if row["fault"]:
            self.faults += 1
            return
        self.turns += turns
        self.scores.setdefault(group, []).append(score)
        if difficulty is not None:
            self.by_difficulty.setdefault(f"{difficulty:g}", []).append(score)


class Folder:
    """Shards of a folder; unchanged ones are not scanned again.

    Raises:
        UsageError: There is no such folder, or it holds neither a run nor episodes.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._scanned: dict[Path, tuple[tuple[int, int], Shard]] = {}
        if not directory.is_dir():
            raise UsageError(f"no folder {directory}: give a run's, or that of rollout --save")
        if not self.is_run and not shards(directory):
            raise UsageError(
                f"{directory} holds no run and no episodes: give the folder of an `envgym train`, "
                "or of an `envgym rollout --save`"
            )

    @property
    def is_run(self) -> bool:
        """Flag that the folder is a training run's."""
        return (self.directory / "config.yaml").exists()

    def stamp(self) -> str:
        """Fingerprint that changes when the folder's contents do."""
        names = ["config.yaml", "metrics.jsonl", "summary.json"]
        files = [*(self.directory / name for name in names), *self._files()]
        return repr([_stamp(path) for path in files])

    def shards(self) -> list[Shard]:
        """List all shards, in the order in which they were played."""
        found = []
        for path in self._files():
            stamp = _stamp(path)
            if stamp is None:  # being replaced just now
                continue
            known = self._scanned.get(path)
            if known is None or known[0] != stamp:
                known = stamp, _named(path, self.is_run).scan()
                self._scanned[path] = known
            found.append(known[1])
        return sorted(found, key=_order)

    def _files(self) -> list[Path]:
        if not self.is_run:
            return shards(self.directory)
        folders = sorted((self.directory / "episodes").glob("*/"))
        return [path for folder in folders for path in shards(folder)]


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return stat.st_mtime_ns, stat.st_size


def _named(path: Path, in_run: bool) -> Shard:
    number, name = shard_number(path), path.parent.name
    if not in_run:
        return Shard(f"{number}", f"episodes {number}", "episodes", None, path)
    key = f"{name}/{number}"
    if name == "train":
        return Shard(key, f"training step {number}", "training", number, path)
    after = re.fullmatch(r"step_(\d+)", name)
    step = 0 if name in _BEFORE else int(after[1]) if after else None
    return Shard(key, name.replace("_", " "), "evaluation", step, path)


def _order(shard: Shard) -> tuple[float, float, int]:
    """By step, an evaluation after the training step it follows; the last one says no step."""
    name = shard.path.parent.name
    step = float("inf") if shard.step is None else shard.step
    return step, _BEFORE.get(name, 0 if shard.kind == "training" else 1), shard_number(shard.path)
