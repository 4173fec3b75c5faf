"""Rewards from the environment: its turn rewards, its score, its metrics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field, PrivateAttr

from envgym.errors import UsageError, suggest
from envgym.trainers.advantages.credit import samples_of
from envgym.trainers.collection.samples import Group
from envgym.trainers.plugin import register
from envgym.trainers.rewards.base import Reward


@register("environment")
class EnvironmentReward(Reward):
    """Turn rewards of the environment, each on its turn, times `scale`."""

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

    scale: float = Field(1.0, description="Factor on the score.")

    def __call__(self, groups: Sequence[Group]) -> None:
        """Add each episode's score."""
        for sample in samples_of(groups):
            sample.add_reward(self.name, self.scale * sample.episode.score)


@register("metric")
class Metric(Reward):
    """Metric of the environment, on the last turn, times `scale`, under the metric's name.

    Trap: a metric that an episode does not report counts as 0, also within a group. One that no
    episode of the first step reports is an error.
    """

    metric: str = Field(description="Name of the metric in the environment's metrics.")
    scale: float = Field(1.0, description="Factor on the metric.")
    _reported: bool = PrivateAttr(False)

    def component_names(self) -> set[str]:
        """Name of the metric."""
        return {self.metric}

    def __call__(self, groups: Sequence[Group]) -> None:
        """Add each episode's metric.

        Raises:
            UsageError: No episode so far has reported it.
        """
        reported = {name for sample in samples_of(groups) for name in sample.episode.metrics}
        self._reported = self._reported or self.metric in reported
        if groups and not self._reported:
            raise UsageError(
                f"reward 'metric': no episode of the first step reports the metric "
                f"{self.metric!r}.{suggest(self.metric, reported)} The environment may report it "
                "as 0 where it does not apply"
            )
        for sample in samples_of(groups):
            sample.add_reward(
                self.metric, self.scale * sample.episode.metrics.get(self.metric, 0.0)
            )

    def state(self) -> dict[str, Any]:
        """Memory of whether an episode has reported the metric."""
        return {"reported": self._reported}

    def load(self, state: dict[str, Any]) -> None:
        """Restore whether an episode has reported the metric."""
        self._reported = state["reported"]
