"""Data of the page: a run's figures, its metrics as columns, the list of its episodes."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from envgym.errors import UsageError
from envgym.store.episodes import shard_tokens
from envgym.store.json_rows import episode_of
from envgym.store.token_arrays import TurnTokens
from envgym.view.episodes import details, list_row
from envgym.view.even_sample import evenly
from envgym.view.run_folder import Folder, Shard
from envgym.view.tokens import Pieces


@dataclass(frozen=True)
class Bounds:
    """Limits of the amount of data on a page.

    Attributes:
        episodes: Maximum number of listed episodes.
        bytes: Maximum size of the episodes' lines on disk; long episodes reduce the list.
        span_tokens: Maximum number of tokens of one message or action.
        steps: Maximum number of rows of metrics.
    """

    episodes: int
    bytes: int
    span_tokens: int
    steps: int = 1000


FILE = Bounds(episodes=360, bytes=3_000_000, span_tokens=2_000)
"""Bounds of a page that holds its episodes: some megabytes, also for a run of gigabytes."""
LIVE = Bounds(episodes=4_000, bytes=100_000_000, span_tokens=40_000)
"""Bounds of a served page, which fetches an episode when it is opened."""

_EPISODES_A_SHARD = 8  # at least, before whole shards are left out


class RunData:
    """Current data of a folder for the page."""

    def __init__(self, folder: Folder, bounds: Bounds) -> None:
        self.folder = folder
        self.bounds = bounds
        self._pieces: Pieces | None = None
        self._tokens: tuple[Path, int, TurnTokens] | None = None  # of the shard last opened

    def overview(self) -> dict[str, Any]:
        """Make the data of everything but the tokens."""
        shards = self.folder.shards()
        metrics, steps = _metrics(self.folder.directory / "metrics.jsonl", self.bounds.steps)
        last = max((s for s in metrics.get("step", []) if s is not None), default=None)
        chosen = choose(shards, self.bounds)
        return clean(
            {
                "run": self._run(shards, last),
                "metrics": metrics,
                "steps": steps,
                "sets": [
                    {**s.figures(), "step": last if s.step is None else s.step} for s in shards
                ],
                "list": [
                    list_row(shard.key, number, row)
                    for shard, numbers in chosen
                    for number, row in zip(numbers, shard.rows(numbers), strict=True)
                ],
                "total": sum(map(len, shards)),
            }
        )

    def episode(self, key: str) -> dict[str, Any]:
        """Make the data of one opened episode.

        Raises:
            UsageError: There is none of that key, or its tokens are missing.
        """
        name, _, line = key.rpartition("/")
        for shard in self.folder.shards():
            if shard.key == name and line.isdecimal() and int(line) < len(shard):
                return self._details(shard, int(line))
        raise UsageError(f"no episode {key!r} here (any more): reload the page")

    def _details(self, shard: Shard, line: int) -> dict[str, Any]:
        changed = shard.path.stat().st_mtime_ns
        if self._tokens is None or self._tokens[:2] != (shard.path, changed):
            self._tokens = shard.path, changed, shard_tokens(shard.path)
        if self._pieces is None:  # a run's tokenizer comes before its first tokens
            self._pieces = Pieces.beside(self.folder.directory)
        [row] = shard.rows([line])
        episode = episode_of(row, self._tokens[2])
        return clean(details(episode, self._pieces, self.bounds.span_tokens))

    def _run(self, shards: list[Shard], last: float | None) -> dict[str, Any]:
        directory = self.folder.directory
        run: dict[str, Any] = {
            "name": directory.absolute().name,
            "env": next((shard.env for shard in shards if shard.env), ""),
            "training": self.folder.is_run,
            "done": last,
        }
        if not self.folder.is_run:
            return run
        text = (directory / "config.yaml").read_text()
        config = yaml.safe_load(text) or {}
        run |= {"name": config.get("name", run["name"]), "config": text}
        run |= {"env": config["env"]["id"], "seed": config["seed"]}
        run["planned"] = config["learner"]["steps"]
        if (directory / "summary.json").exists():
            run["wall_s"] = json.loads((directory / "summary.json").read_text())["wall_s"]
        return run


def choose(shards: list[Shard], bounds: Bounds) -> list[tuple[Shard, list[int]]]:
    """Choose the lines of each shard to list: the same number of each, evenly spread.

    Evaluations of equal size thus give the same tasks, so that they can be compared. Of very many
    shards some are left out whole, so that the others are worth opening; evaluations go first.
    """
    shards = [shard for shard in shards if len(shard)]
    if not shards:
        return []
    sizes = [size for shard in shards for _, size in shard.lines]
    limit = max(1, min(bounds.episodes, bounds.bytes * len(sizes) // sum(sizes)))
    places = max(min(limit, 2), limit // _EPISODES_A_SHARD)
    scored = _some([s for s in shards if s.kind == "evaluation"], (2 * places + 2) // 3)
    kept = {s.key for s in scored}
    kept |= {
        s.key for s in _some([s for s in shards if s.kind != "evaluation"], places - len(kept))
    }
    some = [shard for shard in shards if shard.key in kept]
    share = _share([len(shard) for shard in some], limit)
    return [(shard, evenly(len(shard), share)) for shard in some]


def _some(shards: list[Shard], limit: int) -> list[Shard]:
    return [shards[i] for i in evenly(len(shards), limit)]


def _share(sizes: list[int], limit: int) -> int:
    """The largest number such that at most `limit` are taken, where each gives up to that many."""
    for taken, size in enumerate(sorted(sizes)):
        share = limit // (len(sizes) - taken)
        if size > share:
            return share
        limit -= size  # the room that small shards leave goes to larger ones
    return max(sizes)


def clean(value: Any) -> Any:
    """Convert to JSON that a browser can read: non-finite numbers become null, long ones short."""
    if isinstance(value, dict):
        return {str(name): clean(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [clean(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return value


def _metrics(path: Path, limit: int) -> tuple[dict[str, list[float | None]], int]:
    """Columns by name, None where a step lacks a value; and how many steps there are."""
    rows = []
    for line in path.read_bytes().splitlines() if path.exists() else []:
        try:
            rows.append(json.loads(line))
        except ValueError:  # still being written
            continue
    some = [rows[i] for i in evenly(len(rows), limit)]
    names = list(dict.fromkeys(name for row in some for name in row))
    return {name: [row.get(name) for row in some] for name in names}, len(rows)
