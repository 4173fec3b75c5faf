"""Samples drawn in proportion to their advantage (A-LoL, arXiv 2305.14718 §3)."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import numpy as np

from envgym.trainers.batching.minibatch import Shuffled
from envgym.trainers.collection.samples import Group, Sample
from envgym.trainers.plugin import register


@register("priority")
class Priority(Shuffled):
    """P(i) ∝ A_i over the samples with A_i > 0, A_i the mean over tokens, drawn with replacement.

    An epoch draws as many samples as have a positive advantage. Samples that have none at all, such
    as demonstrations under ``sft``, come once per epoch, as in ``shuffled``.

    Trap: the loss multiplies by A once more, as in the source. Samples with a negative advantage
    are never drawn: it goes with losses that leave them out, such as ``a_lol``.
    """

    def __call__(self, groups: Sequence[Group], seed: str) -> Iterator[list[Sample]]:
        """Yield ``epochs × batches`` batches (fewer where there are fewer samples)."""
        samples = self.candidates(groups)
        plain = [sample for sample in samples if not sample.advantages]
        better = [sample for sample in samples if _advantage(sample) > 0]
        for epoch in range(self.epochs):
            rng = random.Random(f"priority:{seed}:{epoch}")
            chances = [_advantage(sample) for sample in better]
            drawn = rng.choices(better, chances, k=len(better)) if better else []
            yield from Shuffled(batches=self.batches)([[*plain, *drawn]], f"{seed}:{epoch}")


def _advantage(sample: Sample) -> float:
    """Mean advantage of the sample's tokens; 0 of none."""
    flat = np.concatenate([*sample.advantages, np.zeros(0)])
    return float(flat.mean()) if len(flat) else 0.0
