"""Noise of a judge, for the study of methods whose rewards are not exact."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from envgym.trainers.advantages.credit import samples_of
from envgym.trainers.collection.samples import Group
from envgym.trainers.plugin import register
from envgym.trainers.rewards.base import Reward


@register("judge_noise")
class JudgeNoise(Reward):
    """Noise ε ~ N(0, ``std``) on the last turn, as a model that judges adds it to its scores.

    It stands in for a judge in the study of a method: an episode's noise is a function of its id
    and seed alone. The score stays exact.

    Trap: a group whose members all succeed is no longer equal, and an advantage that divides by the
    group's deviation makes as much of the noise as of a success.
    """

    charges: ClassVar[bool] = True
    std: float = Field(gt=0, description="Standard deviation of the noise, in units of the reward.")

    def __call__(self, groups: Sequence[Group]) -> None:
        """Add each episode's noise."""
        for sample in samples_of(groups):
            episode = sample.episode
            rng = random.Random(f"judge_noise:{episode.seed}:{episode.id}")
            sample.add_reward(self.name, rng.gauss(0.0, self.std))
