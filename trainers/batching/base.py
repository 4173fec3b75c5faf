"""Interface of batching plug-ins: they reorder, drop or replay samples, advantages unchanged."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import ClassVar

from envgym.trainers.collection.samples import Group, Sample
from envgym.trainers.losses.base import Denominator, token_weights
from envgym.trainers.plugin import Plugin


class Batching(Plugin):
    """Plug-in that cuts a step's samples into batches, one per optimiser step.

    Attributes:
        keeps_pairs: Whether both samples of a preference pair always come in the same batch.
    """

    point: ClassVar[str] = "batching"
    keeps_pairs: ClassVar[bool] = False

    @abstractmethod
    def __call__(self, groups: Sequence[Group], seed: str) -> Iterator[list[Sample]]:
        """Yield batches of samples whose advantages are set.

        Args:
            groups: All groups of the step.
            seed: Seed of every random choice.
        """

    def candidates(self, groups: Sequence[Group]) -> list[Sample]:
        """The groups' samples, except those that the advantage skipped."""
        return [sample for group in groups for sample in group if not sample.skip]

    def units(self, groups: Sequence[Group]) -> list[list[Sample]]:
        """The candidates, each alone or beside the other side of its pair.

        A pair whose other side was skipped is left out whole.
        """
        units: dict[int | str, list[Sample]] = {}
        for index, sample in enumerate(self.candidates(groups)):
            units.setdefault(sample.pair or index, []).append(sample)
        return [unit for unit in units.values() if len(unit) > 1 or not unit[0].pair]

    def weights(
        self, batch: list[Sample], denominator: Denominator, constant: float
    ) -> list[float]:
        """Weight of each action token, one number per sample of the batch.

        The learner's denominator decides, unless the method has a divisor of its own.
        """
        return token_weights(batch, denominator, constant)

    def report(self) -> dict[str, float]:
        """Metrics of the last call, named ``compose/…``."""
        return {}


Composer = Batching
"""Former name of `Batching`, for one release."""
