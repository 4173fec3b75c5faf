"""The environment's own reward."""

from __future__ import annotations

from collections.abc import Sequence

from envgym.trainers.batch import Group
from envgym.trainers.plugin import register
from envgym.trainers.rewards.base import Reward


@register("environment")
class EnvironmentReward(Reward):
    """The sum of the turn rewards, times `scale`."""

    name: str = "environment"
    scale: float = 1.0

    def __call__(self, groups: Sequence[Group]) -> None:
        """Add each trajectory's return."""
        for group in groups:
            for sample in group:
                sample.reward += self.scale * sample.trajectory.reward
