"""Levels by seed, of which none stands in both splits.

Small boards repeat: of 4x4 lakes the same one is drawn again and again, so that a seed for each
split would not keep them apart. Here a level's own content says which split it belongs to.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from envgym.errors import UsageError
from envgym.task import Task, TaskSource
from envgym.utils.splits import check_split, hash_split

_TRIES = 5_000


def levels(
    draw: Callable[[random.Random], Task | None], *, count: int, seed: str, split: str
) -> TaskSource:
    """`count` levels of a split; each from a generator of its own, seeded by seed, split and index.

    Args:
        draw: Draws one, in the split ``train`` (it is relabelled); None where the draw failed.

    Raises:
        UsageError: There is no such split; or, where a level is read, none can be drawn.
    """
    check_split(split)

    def make(rng: random.Random) -> Task:
        for _ in range(_TRIES):
            level = draw(rng)
            if level is not None and hash_split(level.key) == split:
                return Task(level.data, level.hidden, split, level.difficulty)
        raise UsageError(
            f"no level in {_TRIES} draws: allow more turns or actions, fewer holes, walls or boxes"
        )

    return TaskSource.generated(make, size=count, seed=f"{seed}:{split}")
