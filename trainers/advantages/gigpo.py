"""Groups within groups: turns that faced the same state are compared with each other.

GiGPO (arXiv 2505.10978 §4), its anchors aware of histories (HGPO, 2602.22817 §4), and temporal
differences over the anchors' means in place of a critic (GAGPO, 2605.13217 §4).
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
    generalised,
    over,
    rewards_by_turn,
    spread_turns,
)
from envgym.trainers.advantages.grpo import centred, deviation
from envgym.trainers.advantages.state_groups import compared, numbered
from envgym.trainers.collection.samples import Group
from envgym.trainers.plugin import register


def by_episode(group: Group, flat: Floats) -> list[Floats]:
    """[turns of the group] to one array an episode."""
    return np.split(flat, np.cumsum([len(s.trajectory.turns) for s in group])[:-1])


@register("gigpo")
class Gigpo(Advantage):
    """A_k = A^E + ω · A^S_k: GRPO's, plus (R_k - mean) / (std + eps) at the turn's anchor.

    R_k = Σ_{j ≥ k} γ^(j - k) r_j over turns. An anchor is an observation met by turns of one group,
    word for word (hints apart). With ``history`` h it is an observation and up to h before it: the
    mean over depths 0 to h of A^S, weighted by (depth + 1)^α among those with company.

    Trap: equal observations after different histories may be different states, where much is
    hidden or chance plays; there the exact anchor is biased. A turn without company gets A^S = 0.
    """

    name: str = "gigpo"
    compares: ClassVar[bool] = True
    gamma: float = Field(0.95, gt=0, le=1, description="Discount from turn to turn.")
    omega: float = Field(1.0, ge=0, description="Weight of the turn's advantage.")
    std: Literal["group", "none"] = Field("group", description="What both are divided by.")
    history: int = Field(0, ge=0, description="Earlier observations that must be equal too.")
    alpha: float = Field(1.0, ge=0, description="How much more deeper histories count.")
    eps: float = 1e-4

    def __call__(self, groups: Sequence[Group]) -> None:
        """Set every turn's advantage."""
        for group in groups:
            outcome = centred(np.array([s.reward for s in group]))
            if self.std == "group":
                rewards = np.array([s.reward for s in group])
                outcome = over(outcome, deviation(rewards) + self.eps)
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
                own = over(own, spread + self.eps)
            share = (depth + 1) ** self.alpha * (count > 1)
            total, weight = total + share * own, weight + share
        return total / np.maximum(weight, 1e-12)


@register("hgpo")
class Hgpo(Gigpo):
    """GiGPO with histories of up to two earlier observations (HGPO).

    Trap: as GiGPO's; deeper anchors are truer and have less company.
    """

    name: str = "hgpo"
    history: int = Field(2, ge=0, description="Earlier observations that must be equal too.")


@register("gagpo")
class Gagpo(Advantage):
    """GAE over turns with V(s) = the mean return R_k at the anchor s, over the group's deviation.

    δ_k = r_k + γ V(s_{k+1}) - V(s_k); A_k = δ_k + γλ A_{k+1}: where episodes parted company, the
    step that made the difference is credited, and the steps after it are not.

    Trap: a state that one episode alone met has its own return for a value: nothing to say. Scaled,
    not shifted: a shift would credit those steps.
    """

    name: str = "gagpo"
    compares: ClassVar[bool] = True
    gamma: float = Field(0.95, gt=0, le=1, description="Discount from turn to turn.")
    lam: float = Field(0.95, ge=0, le=1, description="GAE's λ: 0 trusts the means, 1 the returns.")
    history: int = Field(0, ge=0, description="Earlier observations that must be equal too.")
    eps: float = 1e-4

    def __call__(self, groups: Sequence[Group]) -> None:
        """Set every turn's advantage."""
        for group in groups:
            rewards = [rewards_by_turn(s) for s in group]
            returns = np.concatenate([discounted_sums(r, self.gamma) for r in rewards])
            values, _, _ = compared(numbered(group, self.history), returns)
            advantages = [
                generalised(r, v, self.gamma, self.lam) if len(group) > 1 else np.zeros(len(r))
                for r, v in zip(rewards, by_episode(group, values), strict=True)
            ]
            least = ROUNDING * np.abs(returns).max()
            scale = deviation(np.concatenate(advantages)) + self.eps
            for sample, own in zip(group, advantages, strict=True):
                spread_turns(sample, over(np.where(np.abs(own) > least, own, 0.0), scale))
