"""Optimal token baseline (OTB, arXiv 2602.07078)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from envgym.errors import UsageError
from envgym.trainers.advantages.base import Advantage
from envgym.trainers.advantages.credit import (
    Floats,
    baseline_by_position,
    discounted_sums,
    rewards_by_token,
    split,
)
from envgym.trainers.collection.samples import Group, Sample
from envgym.trainers.plugin import register


@register("otb")
class OptimalTokenBaseline(Advantage):
    """A_t = G_t - b_t; b_t = Σ_i G_it W_it / Σ_i W_it; W_t = Σ_{j ≤ t} (1 - 2π_j + Σ_v π_jv²).

    G_t is the return-to-go over action tokens, t counts those alone, and W is the size of the
    gradients up to t: the baseline of least variance, without a critic.

    Trap: where one member alone is left, its own return would be its baseline, and verl puts 0
    there, so that raw returns leak; here the last mean of two continues. A group of one gets 0.
    """

    compares: ClassVar[bool] = True
    needs: ClassVar[frozenset[str]] = frozenset({"norms"})

    def __call__(self, groups: Sequence[Group]) -> None:
        """Set every token's advantage."""
        for group in groups:
            returns = [discounted_sums(rewards_by_token(s), 1.0) for s in group]
            baseline = baseline_by_position(returns, [self._energy(s) for s in group])
            for sample, own in zip(group, returns, strict=True):
                single = len(group) == 1
                sample.advantages = split(
                    sample, own * 0.0 if single else own - baseline[: len(own)]
                )

    def _energy(self, sample: Sample) -> Floats:
        if sample.norms is None:
            raise UsageError("advantage 'otb' needs the tokens' distributions: train in the loop")
        return np.cumsum(np.concatenate([*sample.norms, np.zeros(0)]).astype(np.float64))
