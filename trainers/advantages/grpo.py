"""Group-relative advantages.

GRPO (arXiv 2402.03300 §4.1), Dr. GRPO (2503.20783 §3.2) and Lite PPO (2508.08221) differ in
the divisor of the centred reward.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from envgym.trainers.advantages.base import Advantage
from envgym.trainers.advantages.credit import ROUNDING, Floats
from envgym.trainers.collection.samples import Group
from envgym.trainers.plugin import register, wrong_denominator


def centred(values: Floats) -> Floats:
    """Values minus their mean; exactly zero where they are equal up to rounding.

    The mean of three times 0.1 is not 0.1, 0.1 + 0.2 is not 0.3, and the remainder counts as much
    as any reward once divided by a deviation as small.
    """
    differ = np.ptp(values) > ROUNDING * np.abs(values).max()
    return values - values.mean() if differ else np.zeros(len(values))


def deviation(values: Floats) -> float:
    """Unbiased standard deviation; 0 of a single value."""
    return float(values.std(ddof=1)) if len(values) > 1 else 0.0


@register("grpo")
class Grpo(Advantage):
    """A_i = (R_i - mean of the group) / (std + eps), the same on every action token.

    ``std``: of the ``group`` (GRPO), of the ``batch`` (Lite PPO), or ``none`` (Dr. GRPO). The
    deviation is the unbiased one, as in TRL and verl.

    Trap: the advantage of a group of one, or of equal rewards, is 0. (Peers
    set mean 0 and std 1 there, which leaks the raw reward.)
    """

    compares: ClassVar[bool] = True
    returns_to_go: ClassVar[bool] = False
    std: Literal["group", "batch", "none"] = Field(
        "group", description="Samples whose deviation divides: the group, the batch, or none."
    )
    eps: float = Field(1e-4, description="Constant added to the deviation before the division.")

    def __call__(self, groups: Sequence[Group]) -> None:
        """Set every sample's advantage."""
        rewards = [np.array([s.reward for s in group]) for group in groups]
        batch = np.concatenate(rewards) if rewards else np.zeros(0)
        for group, values in zip(groups, rewards, strict=True):
            advantages = centred(values)
            if self.std != "none" and advantages.any():
                spread = values if self.std == "group" else batch
                advantages = advantages / (deviation(spread) + self.eps)
            for sample, advantage in zip(group, advantages, strict=True):
                sample.set_advantage(float(advantage))


@register("dr_grpo")
class DrGrpo(Grpo):
    """A_i = R_i - mean of the group (Dr. GRPO): no extra weight on nearly decided questions.

    Trap: half of the method is the denominator: ``learner.denominator: constant``.
    """

    std: Literal["group", "batch", "none"] = Field(
        "none", description="Samples whose deviation divides: the group, the batch, or none."
    )

    def conflict(self, config: Any) -> str | None:
        """Report another denominator than the constant."""
        return super().conflict(config) or wrong_denominator(config, "constant")


@register("lite_ppo")
class LitePpo(Grpo):
    """A_i = (R_i - mean of the group) / (std of the batch + eps) (Lite PPO).

    Its other half is the token mean, ``learner.denominator: token``.

    Trap: the deviation is that of the raw rewards of all groups, not of the centred ones, nor of a
    micro-batch. Where nearly all rewards are equal, no deviation (``dr_grpo``) is better.
    """

    std: Literal["group", "batch", "none"] = Field(
        "batch", description="Samples whose deviation divides: the group, the batch, or none."
    )
