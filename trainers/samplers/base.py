"""Interface of samplers: draw tasks, then observe their groups."""

from __future__ import annotations

import random
from abc import abstractmethod
from collections.abc import Collection, Sequence
from typing import ClassVar

from envgym.task import Task
from envgym.trainers.collection.samples import Group
from envgym.trainers.plugin import Plugin


class Sampler(Plugin):
    """Plug-in that chooses the tasks of each round."""

    point: ClassVar[str] = "sampler"

    @abstractmethod
    def draw(
        self, source: Sequence[Task], count: int, seed: str, taken: Collection[str] = ()
    ) -> list[Task]:
        """Draw `count` tasks; the same ones for the same arguments and state.

        Args:
            taken: Keys of tasks that the step has played already; they repeat only where no others
                are left. It is empty in the first round of a step.
        """

    def observe(self, groups: Sequence[Group]) -> None:
        """Observe all groups of a round, before dynamic sampling and before shaped rewards.

        Read scores: a curriculum needs just the groups that dynamic sampling drops.
        """

    def group_size(self, default: int) -> int:
        """Number of episodes for each task drawn last; the recipe's unless a curriculum sets it."""
        return default

    def report(self) -> dict[str, float]:
        """Metrics of the curriculum after a step, named ``sampler/…``."""
        return {}

    def check_source(self, source: Sequence[Task]) -> None:
        """Check, before the run begins, that the training tasks hold some to draw.

        Raises:
            UsageError: They hold none.
        """


def draw_distinct(
    source: Sequence[Task],
    places: Sequence[int],
    count: int,
    rng: random.Random,
    taken: Collection[str] = (),
) -> list[Task]:
    """Draw up to `count` different tasks at `places` of a source, none of the `taken` keys."""
    order = rng.sample(places, min(len(places), count + len(taken)))
    return [source[i] for i in order if source[i].key not in taken][:count]


def draw_from(
    source: Sequence[Task],
    places: Sequence[int],
    count: int,
    rng: random.Random,
    taken: Collection[str] = (),
) -> list[Task]:
    """Draw `count` tasks at `places` of a source, all of them once before one of them repeats."""
    tasks = draw_distinct(source, places, count, rng, taken)
    while len(tasks) < count:  # all were drawn: once more
        more = min(count - len(tasks), len(places))
        tasks += [source[i] for i in rng.sample(places, more)]
    return tasks
