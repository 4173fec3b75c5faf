"""MaxRL: centred rewards over the group's mean (arXiv 2602.02710)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from envgym.trainers.advantages.base import Advantage
from envgym.trainers.advantages.grpo import centred
from envgym.trainers.collection.samples import Group
from envgym.trainers.plugin import register


@register("maxrl")
class MaxRl(Advantage):
    """A_i = (R_i - mean) / mean of the group; 0 where the mean is not positive.

    With rewards of 0 and 1 it maximises the log of the success rate: a task solved once in eight
    episodes weighs eight times as much as one that is always solved.

    Trap: rewards must be at least 0, so switch an environment's own penalties off. With negative
    rewards a mean near 0 says nothing of success, and the division gives arbitrary advantages.
    """

    compares: ClassVar[bool] = True
    returns_to_go: ClassVar[bool] = False

    def conflict(self, config: Any) -> str | None:
        """Report rewards that may be negative: a group with one would get no credit."""
        if charging := [reward.name for reward in config.rewards if reward.charges]:
            return (
                f"it is for rewards of at least 0, and {charging[0]!r} takes away: leave that out, "
                "or take rloo"
            )
        return super().conflict(config)

    def __call__(self, groups: Sequence[Group]) -> None:
        """Set every sample's advantage."""
        for group in groups:
            rewards = np.array([s.reward for s in group])
            positive = rewards.min() >= 0 and rewards.mean() > 0
            advantages = centred(rewards) / rewards.mean() if positive else np.zeros(len(group))
            for sample, advantage in zip(group, advantages, strict=True):
                sample.set_advantage(float(advantage))
