"""Returns-to-go over turns: the rewards from each turn on, minus the group's mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from envgym.trainers.advantages.base import Advantage
from envgym.trainers.advantages.credit import (
    baseline_by_position,
    discounted_sums,
    rewards_by_turn,
    spread_turns,
)
from envgym.trainers.collection.samples import Group
from envgym.trainers.plugin import register


@register("turn_returns")
class TurnReturns(Advantage):
    """A_k = R_k - the group's mean R_k; R_k = Σ_{j ≥ k} γ^(j - k) r_j over turns.

    The policy gradient's own credit (Sutton & Barto §13.3) with turns for actions. Process rewards
    need it: with γ = 1 the returns of Clip and Delta stay bounded.

    Trap: dividing by a deviation would undo that bound. The mean is over the members that have a
    turn k; after the second-longest episode's end, its last mean continues.
    """

    compares: ClassVar[bool] = True
    gamma: float = Field(1.0, gt=0, le=1, description="Discount factor from turn to turn.")

    def __call__(self, groups: Sequence[Group]) -> None:
        """Set every turn's advantage."""
        for group in groups:
            returns = [discounted_sums(rewards_by_turn(s), self.gamma) for s in group]
            baseline = baseline_by_position(returns)
            for sample, own in zip(group, returns, strict=True):
                single = len(group) == 1
                spread_turns(sample, own * 0.0 if single else own - baseline[: len(own)])
