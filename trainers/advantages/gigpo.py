"""Group advantages per state: turns that faced the same state are compared with each other.

GiGPO (arXiv 2505.10978 §4), state groups with histories (HGPO, 2602.22817 §4), and temporal
differences over the groups' means in place of a critic (GAGPO, 2605.13217 §4). The papers call a
shared state an anchor.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from envgym.trainers.advantages.base import Advantage
from envgym.trainers.advantages.credit import (
    ROUNDING,
    Floats,
    discounted_sums,
    gae,
    rewards_by_turn,
    safe_divide,
    spread_turns,
)
from envgym.trainers.advantages.grpo import centred, deviation
from envgym.trainers.advantages.state_groups import compared, numbered
from envgym.trainers.collection.samples import Group
from envgym.trainers.plugin import register


def by_episode(group: Group, flat: Floats) -> list[Floats]:
    """Split an array [turns of the group] into one array per episode."""
    return np.split(flat, np.cumsum([len(s.trajectory.turns) for s in group])[:-1])


@register("gigpo")
class Gigpo(Advantage):
    """A_k = A^E + ω · A^S_k: GRPO's, plus (R_k - mean) / (std + eps) at the turn's anchor.

    R_k = Σ_{j ≥ k} γ^(j - k) r_j over turns. An anchor is an observation met by turns of one group,
    word for word (hints apart). With ``history`` h it is an observation and up to h before it: the
    mean over depths 0 to h of A^S, weighted by (depth + 1)^α over depths that other turns share.

    Trap: equal observations after different histories may be different states, where much is
    hidden or random; there the exact anchor is biased. A turn that shares no anchor gets A^S = 0.
    """

    compares: ClassVar[bool] = True
    returns_to_go: ClassVar[bool] = False
    gamma: float = Field(0.95, gt=0, le=1, description="Discount factor from turn to turn.")
    omega: float = Field(1.0, ge=0, description="Weight of the turn's own advantage, ω.")
    std: Literal["group", "none"] = Field(
        "group", description="Divisor of both advantages: the deviation, or none."
    )
    history: int = Field(0, ge=0, description="Number of earlier observations that must match too.")
    alpha: float = Field(1.0, ge=0, description="Exponent α of the weight of deeper histories.")
    eps: float = Field(1e-4, description="Constant added to the deviation before the division.")

    def __call__(self, groups: Sequence[Group]) -> None:
        """Set every turn's advantage."""
        for group in groups:
            outcome = centred(np.array([s.reward for s in group]))
            if self.std == "group":
                rewards = np.array([s.reward for s in group])
                outcome = safe_divide(outcome, deviation(rewards) + self.eps)
            turns = by_episode(group, self._turns(group))
            for sample, episode, own in zip(group, outcome, turns, strict=True):
                spread_turns(sample, episode + self.omega * own)

    def _turns(self, group: Group) -> Floats:
        returns = [discounted_sums(rewards_by_turn(s), self.gamma) for s in group]
        flat = np.concatenate(returns)
        total, weight = np.zeros(len(flat)), np.zeros(len(flat))
        for depth in range(self.history + 1) if len(group) > 1 else ():
            mean, spread, count = compared(numbered(group, depth), flat)
            own = flat - mean
            if self.std == "group":
                own = safe_divide(own, spread + self.eps)
            share = (depth + 1) ** self.alpha * (count > 1)
            total, weight = total + share * own, weight + share
        return total / np.maximum(weight, 1e-12)


@register("hgpo")
class Hgpo(Gigpo):
    """GiGPO with histories of up to two earlier observations (HGPO).

    Trap: as GiGPO's; deeper anchors are more exact and fewer turns share them.
    """

    history: int = Field(2, ge=0, description="Number of earlier observations that must match too.")


@register("gagpo")
class Gagpo(Advantage):
    """GAE over turns with V(s) = the mean return R_k at the anchor s, over the group's deviation.

    δ_k = r_k + γ V(s_{k+1}) - V(s_k); A_k = δ_k + γλ A_{k+1}: where episodes part, the
    step that made the difference gets the credit, and the steps after it do not.

    Trap: a state that one episode alone met has its own return as value: no credit. Advantages are
    scaled, not shifted: a shift would credit those steps.
    """

    compares: ClassVar[bool] = True
    returns_to_go: ClassVar[bool] = False
    gamma: float = Field(0.95, gt=0, le=1, description="Discount factor from turn to turn.")
    lam: float = Field(
        0.95, ge=0, le=1, description="GAE's λ over turns: 0 trusts the means, 1 the returns."
    )
    history: int = Field(0, ge=0, description="Number of earlier observations that must match too.")
    eps: float = Field(1e-4, description="Constant added to the deviation before the division.")

    def __call__(self, groups: Sequence[Group]) -> None:
        """Set every turn's advantage."""
        for group in groups:
            rewards = [rewards_by_turn(s) for s in group]
            returns = np.concatenate([discounted_sums(r, self.gamma) for r in rewards])
            values, _, _ = compared(numbered(group, self.history), returns)
            advantages = [
                gae(r, v, self.gamma, self.lam) if len(group) > 1 else np.zeros(len(r))
                for r, v in zip(rewards, by_episode(group, values), strict=True)
            ]
            least = ROUNDING * np.abs(returns).max()
            scale = deviation(np.concatenate(advantages)) + self.eps
            for sample, own in zip(group, advantages, strict=True):
                spread_turns(sample, safe_divide(np.where(np.abs(own) > least, own, 0.0), scale))
