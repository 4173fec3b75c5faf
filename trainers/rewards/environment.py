"""What the environment says: its rewards, its score, its metrics."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from envgym.trainers.advantages.credit import samples_of
from envgym.trainers.collection.samples import Group
from envgym.trainers.plugin import register
from envgym.trainers.rewards.base import Reward


@register("environment")
class EnvironmentReward(Reward):
    """The turn rewards, each with its turn, times `scale`."""

    name: str = "environment"
    scale: float = 1.0

    def __call__(self, groups: Sequence[Group]) -> None:
        """Add what each turn earned."""
        for sample in samples_of(groups):
            sample.add_reward_turns(
                self.name, [self.scale * t.reward for t in sample.trajectory.turns]
            )


@register("score")
class Score(Reward):
    """The verifier's score in [0, 1], at the end, times `scale`.

    For recipes that shape turn rewards otherwise: process rewards go beside the score.

    Trap: it is the episode's, the same for every seat; where seats oppose each other, take their
    own turn rewards.
    """

    name: str = "score"
    scale: float = 1.0

    def __call__(self, groups: Sequence[Group]) -> None:
        """Add each episode's score."""
        for sample in samples_of(groups):
            sample.add_reward(self.name, self.scale * sample.episode.score)


@register("metric")
class Metric(Reward):
    """A named metric of the environment, at the end, times `scale`; paid under the metric's name.

    Trap: one that an episode does not report is 0, and a group where only some do compares with 0.
    """

    name: str = "metric"
    metric: str = Field(description="Its name in the environment's metrics.")
    scale: float = 1.0

    def __call__(self, groups: Sequence[Group]) -> None:
        """Add each episode's metric."""
        for sample in samples_of(groups):
            sample.add_reward(
                self.metric, self.scale * sample.episode.metrics.get(self.metric, 0.0)
            )
