"""All samples of a step, shuffled into equal batches, for one epoch or more."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from pydantic import Field

from envgym.trainers.batch import Group, Sample
from envgym.trainers.composers.base import Composer
from envgym.trainers.plugin import register


@register("shuffled")
class Shuffled(Composer):
    """PPO's epochs and mini-batches.

    Trap: a loss is divided by the tokens of the samples that are in its batch, those without any
    credit among them. NSR and PSR (arXiv 2506.01347) train on the samples of one sign and mean
    over those alone: ``credited`` leaves the others out before anything is divided.
    """

    name: str = "shuffled"
    epochs: int = Field(1, ge=1, description="Passes over the samples.")
    batches: int = Field(1, ge=1, description="Optimiser steps a pass.")
    credited: bool = Field(False, description="Leave out samples whose advantages are all 0.")

    def __call__(self, groups: Sequence[Group], seed: str) -> Iterator[list[Sample]]:
        """Yield ``epochs × batches`` batches (fewer where there are fewer samples)."""
        samples = [
            sample
            for group in groups
            for sample in group
            if not self.credited or any(turn.any() for turn in sample.advantages)
        ]
        rng = random.Random(seed)
        for _ in range(self.epochs):
            rng.shuffle(samples)
            count = min(self.batches, len(samples))
            for part in range(count):
                yield samples[part * len(samples) // count : (part + 1) * len(samples) // count]
