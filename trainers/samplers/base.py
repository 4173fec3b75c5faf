"""Interface of samplers: draw tasks, then observe their groups."""

from __future__ import annotations

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
                are left.
        """

    def observe(self, groups: Sequence[Group]) -> None:
        """Observe all groups of a round, before dynamic sampling and before shaped rewards.

        Read scores: a curriculum needs just the groups that dynamic sampling drops.
        """
