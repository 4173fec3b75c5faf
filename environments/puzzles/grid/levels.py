"""Generated levels with disjoint splits.

Small boards repeat: two seeds draw the same 4x4 lake again and again, so separate seeds would not
separate the splits. Here a hash of the level's content decides its split.
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
    """Task source of `count` levels of a split, each from a generator seeded by seed, split and
    index.

    Args:
        draw: Function that draws a level labelled ``train`` (relabelled here); None on failure.

    Raises:
        UsageError: Unknown split; or, on access to a level, none can be drawn.
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
