"""The composer's interface. It may reorder, drop, budget or replay; it never changes advantages."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import ClassVar

from envgym.trainers.batch import Group, Sample
from envgym.trainers.plugin import Plugin


class Composer(Plugin):
    """Yields batches; each is one optimiser step."""

    point: ClassVar[str] = "composer"

    @abstractmethod
    def __call__(self, groups: Sequence[Group], seed: str) -> Iterator[list[Sample]]:
        """Batches of samples whose advantages are set."""
