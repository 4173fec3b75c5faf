"""Mini-batches: all samples of a step, shuffled into equal batches, for one epoch or more."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import ClassVar

from pydantic import Field

from envgym.trainers.batching.base import Batching
from envgym.trainers.collection.samples import Group, Sample
from envgym.trainers.plugin import register


@register("shuffled")
class Shuffled(Batching):
    """PPO's epochs of shuffled mini-batches. Both samples of a preference pair stay in one."""

    keeps_pairs: ClassVar[bool] = True
    epochs: int = Field(1, ge=1, description="Number of passes over a step's samples.")
    batches: int = Field(1, ge=1, description="Number of optimiser steps per pass.")

    def __call__(self, groups: Sequence[Group], seed: str) -> Iterator[list[Sample]]:
        """Yield ``epochs × batches`` batches (fewer where there are fewer samples)."""
        units = self.units(groups)
        rng = random.Random(seed)
        for _ in range(self.epochs):
            rng.shuffle(units)
            count = min(self.batches, len(units))
            for part in range(count):
                mine = units[part * len(units) // count : (part + 1) * len(units) // count]
                yield [sample for unit in mine for sample in unit]
