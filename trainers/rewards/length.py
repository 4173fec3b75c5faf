"""Length reward: shorter answers among right ones (Kimi k1.5, arXiv 2501.12599 §2.3.3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from envgym.trainers.collection.samples import Group
from envgym.trainers.plugin import register
from envgym.trainers.rewards.base import Reward


@register("length")
class Length(Reward):
    """λ = 1/2 - (len - shortest) / (longest - shortest) of the group; a failure gets min(λ, 0).

    Success is a score of at least ``success``; lengths are action tokens. Groups whose lengths
    are equal get 0.

    Trap: a failure must not gain by being short. Used from the first step on, it makes answers
    short before they are right: start training without it.
    """

    charges: ClassVar[bool] = True
    coef: float = Field(
        0.1, ge=0, description="Weight of the length reward beside the other rewards."
    )
    success: float = Field(1.0, ge=0, le=1, description="Minimum score of a success.")

    def __call__(self, groups: Sequence[Group]) -> None:
        """Add to the rewards of short episodes, subtract from long ones."""
        for group in groups:
            shortest = min(s.tokens for s in group)
            longest = max(s.tokens for s in group)
            for sample in group:
                if longest == shortest:
                    sample.add_reward(self.name, 0.0)
                    continue
                share = 0.5 - (sample.tokens - shortest) / (longest - shortest)
                right = sample.episode.score >= self.success
                sample.add_reward(self.name, self.coef * (share if right else min(share, 0.0)))
