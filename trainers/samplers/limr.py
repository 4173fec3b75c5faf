"""Tasks whose curve of success follows an earlier run's mean curve (LIMR, arXiv 2502.11886)."""

from __future__ import annotations

import random
import statistics
from collections.abc import Collection, Mapping, Sequence

from pydantic import Field

from envgym.trainers.plugin import register
from envgym.trainers.samplers.subset import Subset
from envgym.trainers.samplers.success_rates import Curve, learning_curves, recorded_rates


@register("limr")
class Limr(Subset):
    """Draws tasks with s_i = 1 - Σ_k (r_i^k - r̄^k)² / Σ_k (1 - r̄^k)² above ``min_score``.

    r_i^k is the success rate of task i in epoch k of a finished run on all tasks, r̄^k the mean
    over tasks. A task that follows the mean scores 1, one that is always solved 0, one that never
    is less. The source keeps 1,389 of 8,523 tasks with s > 0.6, by 21 epochs.

    Trap: the price is one run over all tasks. It must record every step (``episodes_every: 1``)
    and play every task once per epoch (sampler ``epochs``): tasks without a rate in the last
    epoch are dropped.
    """

    run: str = Field(description="Folder of the finished run whose recorded episodes are read.")
    epoch_steps: int = Field(1, ge=1, description="Number of that run's steps in an epoch.")
    min_score: float = Field(
        0.6, le=1, description="Alignment score s above which a task is drawn; 1 is the largest."
    )

    at_random: bool = Field(
        False,
        description="Whether to draw as many tasks at random instead, the source's control.",
    )

    def choose(self, keys: Sequence[str]) -> Collection[str]:
        """Choose the tasks with a large alignment score, or as many others of the pool."""
        scores = alignment_scores(learning_curves(recorded_rates(self.run), self.epoch_steps))
        chosen = [key for key, score in scores.items() if score > self.min_score]
        if not self.at_random:
            return chosen
        rng = random.Random(f"limr:{sorted(scores.items())}")  # another subset for another run
        return rng.sample(sorted(keys), min(len(chosen), len(keys)))


def alignment_scores(curves: Mapping[str, Curve]) -> dict[str, float]:
    """LIMR's score s of each task, from its success rate in each epoch.

    A missing rate is that of the next epoch in which the task was played; tasks without any at the
    end are left out. Where the mean is 1 throughout, every score is 0.
    """
    whole = {key: _filled(curve) for key, curve in curves.items() if curve[-1] is not None}
    mean = [statistics.fmean(epoch) for epoch in zip(*whole.values(), strict=True)]
    scale = sum((1 - m) ** 2 for m in mean)
    return {
        key: 1 - sum((r - m) ** 2 for r, m in zip(curve, mean, strict=True)) / scale
        if scale
        else 0.0
        for key, curve in whole.items()
    }


def _filled(curve: Curve) -> list[float]:
    """The curve with every missing rate taken from the next epoch; its last rate is there."""
    filled: list[float] = []
    for rate in reversed(curve):
        filled.append(filled[-1] if rate is None else rate)
    return filled[::-1]
