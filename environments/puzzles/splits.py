"""Generated task sources with disjoint splits.

Two differently seeded generators may still draw the same small puzzle. Here a hash of its visible
part decides the split of a puzzle, so no test task is ever a training task.
"""

from __future__ import annotations

import json
import random
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from envgym.errors import UsageError, suggest
from envgym.task import Task, TaskSource

SIZES = {"train": 100_000, "test": 2_000}
_TEST_SHARE = 5
"""One puzzle in five belongs to the test split."""

Draft = tuple[Mapping[str, Any], Mapping[str, Any], float]
"""Visible part, hidden part and difficulty of a task."""


def generated(make: Callable[[random.Random], Draft], split: str, seed: int) -> TaskSource:
    """Tasks of `split`, each drawn from (seed, split, index) until it belongs there.

    Raises:
        UsageError: The split is neither ``train`` nor ``test``.
    """
    check_split(split)

    def one(rng: random.Random) -> Task:
        while True:
            data, hidden, difficulty = make(rng)
            if split_of(data) == split:
                return Task(data, hidden, split, difficulty)

    return TaskSource.generated(one, size=SIZES[split], seed=f"{seed}:{split}")


def split_of(data: Mapping[str, Any]) -> str:
    """Split of a task, by the hash of its visible part; the same on any machine."""
    row = json.dumps(data, sort_keys=True).encode()
    return "train" if zlib.crc32(row) % _TEST_SHARE else "test"


def check_split(split: str) -> None:
    """Raise a UsageError for an unknown split."""
    if split not in SIZES:
        raise UsageError(f"no split {split!r}.{suggest(split, SIZES)}")
