"""REINFORCE++ and REINFORCE++-baseline (arXiv 2501.03262 §3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from pydantic import Field

from envgym.trainers.advantages.base import Advantage
from envgym.trainers.advantages.credit import (
    discounted_sums,
    rewards_by_token,
    samples_of,
    split,
    whiten,
)
from envgym.trainers.advantages.grpo import centred
from envgym.trainers.collection.samples import Group
from envgym.trainers.plugin import register


@register("reinforce++")
class ReinforcePlusPlus(Advantage):
    """A_t = Σ_{k ≥ t} γ^(k - t) r_k over action tokens, then whitened over those of the batch.

    r_k holds the outcome on the last token, turn rewards on the turns' last tokens, and the KL
    penalty (reward ``kl``) on each.

    Trap: sums that stop at tool output credit the last turn alone (SkyRL; verl until #7300). The
    batch's mean is the only baseline: a task that is always solved still gets credit.
    """

    returns_to_go: ClassVar[bool] = False
    gamma: float = Field(1.0, gt=0, le=1, description="Discount factor from token to token.")

    def __call__(self, groups: Sequence[Group]) -> None:
        """Set every token's advantage."""
        samples = samples_of(groups)
        for sample in samples:
            sample.advantages = split(sample, discounted_sums(rewards_by_token(sample), self.gamma))
        whiten(samples)


@register("reinforce++-baseline")
class ReinforcePlusPlusBaseline(Advantage):
    """A_i = R_i - mean of the group, whitened over the action tokens of the batch.

    Trap: whitening shifts. A group of one or of equal rewards would get the shift for an advantage;
    it stays at 0 here, and is left out of the mean.
    """

    compares: ClassVar[bool] = True
    returns_to_go: ClassVar[bool] = False

    def __call__(self, groups: Sequence[Group]) -> None:
        """Set every sample's advantage."""
        compared = []
        for group in groups:
            advantages = centred(np.array([s.reward for s in group]))
            for sample, advantage in zip(group, advantages, strict=True):
                sample.set_advantage(float(advantage))
            compared += group if advantages.any() else []
        whiten(compared)
