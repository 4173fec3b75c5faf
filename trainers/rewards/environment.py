"""Rewards from the environment: its turn rewards, its score, its metrics."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from envgym.trainers.advantages.credit import samples_of
from envgym.trainers.collection.samples import Group
from envgym.trainers.plugin import register
from envgym.trainers.rewards.base import Reward


@register("environment")
class EnvironmentReward(Reward):
    """Turn rewards of the environment, each on its turn, times `scale`."""

    name: str = "environment"
    scale: float = Field(1.0, description="Factor on the turn rewards.")

    def __call__(self, groups: Sequence[Group]) -> None:
        """Add each turn's reward."""
        for sample in samples_of(groups):
            sample.add_reward_turns(
                self.name, [self.scale * t.reward for t in sample.trajectory.turns]
            )


@register("score")
class Score(Reward):
    """Verifier's score in [0, 1], on the last turn, times `scale`.

    It serves recipes that replace the turn rewards: process rewards go beside the score.

    Trap: every seat gets the episode's score; where seats oppose each other, take their own turn
    rewards.
    """

    name: str = "score"
    scale: float = Field(1.0, description="Factor on the score.")

    def __call__(self, groups: Sequence[Group]) -> None:
        """Add each episode's score."""
        for sample in samples_of(groups):
            sample.add_reward(self.name, self.scale * sample.episode.score)


@register("metric")
class Metric(Reward):
    """Metric of the environment, on the last turn, times `scale`, under the metric's name.

    Trap: a metric that an episode does not report counts as 0, also within a group.
    """

    name: str = "metric"
    metric: str = Field(description="Name of the metric in the environment's metrics.")
    scale: float = Field(1.0, description="Factor on the metric.")

    def __call__(self, groups: Sequence[Group]) -> None:
        """Add each episode's metric."""
        for sample in samples_of(groups):
            sample.add_reward(
                self.metric, self.scale * sample.episode.metrics.get(self.metric, 0.0)
            )
