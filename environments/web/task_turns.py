"""Source of tasks that takes names in turn, each time with a new seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from envgym.errors import UsageError
from envgym.task import Task, TaskSource


def in_turn(
    names: Sequence[str],
    seeds: int,
    first_seeds: Mapping[str, int],
    split: str,
    make: Callable[[str, int], Task],
) -> TaskSource:
    """Tasks of all names in turn.

    Args:
        names: Names of tasks or templates.
        seeds: Number of seeds per name.
        first_seeds: First seed of each split.
        make: Function from a name and a seed to the task.

    Raises:
        UsageError: There is no such split.
    """
    if split not in first_seeds:
        raise UsageError(f"no split {split!r}: use {' or '.join(first_seeds)}")

    def task(index: int) -> Task:
        seed, which = divmod(index, len(names))
        return make(names[which], first_seeds[split] + seed)

    return TaskSource(seeds * len(names), task)
