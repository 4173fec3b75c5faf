"""Mini-batches: all samples of a step, shuffled into equal batches, for one epoch or more."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from pydantic import Field

from envgym.trainers.batching.base import Batching
from envgym.trainers.collection.samples import Group, Sample
from envgym.trainers.plugin import register


@register("shuffled")
class Shuffled(Batching):
    """PPO's epochs of shuffled mini-batches."""

    epochs: int = Field(1, ge=1, description="Number of passes over a step's samples.")
    batches: int = Field(1, ge=1, description="Number of optimiser steps per pass.")

    def __call__(self, groups: Sequence[Group], seed: str) -> Iterator[list[Sample]]:
        """Yield ``epochs × batches`` batches (fewer where there are fewer samples)."""
        samples = self.candidates(groups)
        rng = random.Random(seed)
        for _ in range(self.epochs):
            rng.shuffle(samples)
            count = min(self.batches, len(samples))
            for part in range(count):
                yield samples[part * len(samples) // count : (part + 1) * len(samples) // count]
