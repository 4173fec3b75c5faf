"""Group-relative advantages.

GRPO (arXiv 2402.03300 §4.1), Dr. GRPO (2503.20783 §3.2) and Lite PPO (2508.08221) differ by what
the centred reward is divided by.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from envgym.trainers.advantages.base import Advantage
from envgym.trainers.batch import Group
from envgym.trainers.plugin import register


@register("grpo")
class Grpo(Advantage):
    """A_i = (R_i - mean of the group) / (std + eps), the same on every action token.

    ``std``: of the ``group`` (GRPO), of the ``batch`` (Lite PPO), or ``none`` (Dr. GRPO). The
    deviation is the unbiased one, as TRL and verl have it.

    Trap: a group of one, or of equal rewards, has nothing to compare: its advantage is 0. (Peers
    set mean 0 and std 1 there, which leaks the raw reward.) It is set, not computed: the mean of
    three times 0.1 is not 0.1, and what is left over counts as much as any reward once divided by
    a deviation as small.
    """

    name: str = "grpo"
    std: Literal["group", "batch", "none"] = "group"
    eps: float = 1e-4

    def __call__(self, groups: Sequence[Group]) -> None:
        """Set every sample's advantage."""
        rewards = [np.array([s.reward for s in group]) for group in groups]
        batch = np.concatenate(rewards) if rewards else np.zeros(0)
        for group, values in zip(groups, rewards, strict=True):
            centred = values - values.mean() if np.ptp(values) else np.zeros(len(values))
            if self.std != "none" and centred.any():
                spread = values if self.std == "group" else batch
                deviation = spread.std(ddof=1) if len(spread) > 1 else 0.0
                centred = centred / (deviation + self.eps)
            for sample, advantage in zip(group, centred, strict=True):
                sample.spread(float(advantage))
