"""Generated task sources with disjoint splits.

Two differently seeded generators may still draw the same small puzzle. Here a hash of its visible
part decides the split of a puzzle, so no test task is ever a training task.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from typing import Any

from envgym.task import Task, TaskSource
from envgym.utils.splits import Split, check_split, hash_split

SIZES = {"train": 100_000, "test": 2_000}

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


def split_of(data: Mapping[str, Any]) -> Split:
    """Split of a task, by the hash of its visible part; the same on any machine."""
    return hash_split(json.dumps(data, sort_keys=True), hash_name="crc32-mod-5")
