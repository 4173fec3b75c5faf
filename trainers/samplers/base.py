"""The sampler's interface: draw tasks, then look at what became of them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Sequence
from typing import ClassVar

from envgym.task import Task
from envgym.trainers.collection.samples import Group
from envgym.trainers.plugin import Plugin


class Sampler(Plugin):
    """Chooses tasks."""

    point: ClassVar[str] = "sampler"

    @abstractmethod
    def draw(
        self, source: Sequence[Task], count: int, seed: str, taken: Collection[str] = ()
    ) -> list[Task]:
        """`count` tasks; the same for the same arguments and state.

        Args:
            taken: Keys of tasks that the step has played already: drawn again only where there are
                no others.
        """

    def observe(self, groups: Sequence[Group]) -> None:
        """See all groups of a round, before any is left out and before rewards are shaped.

        Read scores: what dynamic sampling leaves out is just what a curriculum looks for.
        """
