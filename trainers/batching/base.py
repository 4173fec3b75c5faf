"""The composer's interface. It may reorder, drop, budget or replay; it never changes advantages."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import ClassVar

from envgym.trainers.collection.samples import Group, Sample
from envgym.trainers.losses.base import Denominator, token_weights
from envgym.trainers.plugin import Plugin


class Batching(Plugin):
    """Yields batches; each is one optimiser step."""

    point: ClassVar[str] = "batching"

    @abstractmethod
    def __call__(self, groups: Sequence[Group], seed: str) -> Iterator[list[Sample]]:
        """Batches of samples whose advantages are set."""

    def candidates(self, groups: Sequence[Group]) -> list[Sample]:
        """The groups' samples, but for those that the advantage skipped."""
        return [sample for group in groups for sample in group if not sample.skip]

    def weights(
        self, batch: list[Sample], denominator: Denominator, constant: float
    ) -> list[float]:
        """For each sample of a batch, the weight of each of its action tokens.

        As the learner's settings have it, unless the method divides by something of its own.
        """
        return token_weights(batch, denominator, constant)

    def report(self) -> dict[str, float]:
        """Figures of the last call, under ``compose/``."""
        return {}


Composer = Batching
"""Former name of `Batching`, for one release."""
