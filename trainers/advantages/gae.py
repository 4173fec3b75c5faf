"""Generalised advantage estimation with a critic: over tokens, over turns, over both.

Token GAE (arXiv 1506.02438 eq. 16); GAE over turns, and over turns and the tokens within (VAGEN,
2510.16907 §4.2).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from envgym.trainers.advantages.base import Advantage
from envgym.trainers.advantages.credit import (
    Floats,
    gae,
    lengths,
    rewards_by_token,
    rewards_by_turn,
    samples_of,
    split,
    spread_turns,
    whiten,
)
from envgym.trainers.collection.samples import Group, Sample
from envgym.trainers.plugin import register


class CriticAdvantage(Advantage):
    """Base of the advantages that are estimated with a critic."""

    needs: ClassVar[frozenset[str]] = frozenset({"value"})
    whiten: bool = Field(
        True, description="Whether to whiten advantages over the batch's action tokens."
    )

    def __call__(self, groups: Sequence[Group]) -> None:
        """Set every token's advantage and the critic's targets."""
        for sample in samples_of(groups):
            self.estimate(sample, self.values(sample))
        if self.whiten:
            whiten(samples_of(groups))

    @abstractmethod
    def estimate(self, sample: Sample, values: Floats) -> None:
        """Set a sample's advantages and returns from its `values`, [tokens]."""


@register("gae")
class Gae(CriticAdvantage):
    """δ_t = r_t + γ V_{t+1} - V_t; A_t = δ_t + γλ A_{t+1}, over action tokens; targets A + V.

    Trap: tool output is left out: its values are untrained, its tokens neither discount nor decay.
    Peers that bootstrap from them are off by a fifth to two fifths.
    """

    gamma: float = Field(1.0, gt=0, le=1, description="Discount factor from token to token.")
    lam: float = Field(
        1.0, ge=0, le=1, description="GAE's λ over tokens; 0.95 forgets within twenty tokens."
    )

    def estimate(self, sample: Sample, values: Floats) -> None:
        """Set a sample's advantages and returns from its `values`, [tokens]."""
        advantages = gae(rewards_by_token(sample), values, self.gamma, self.lam)
        sample.advantages = split(sample, advantages)
        sample.returns = split(sample, advantages + values)


@register("turn_gae")
class TurnGae(CriticAdvantage):
    """Δ_k = ρ_k + γ v_{k+1} - v_k; A_k = Δ_k + γλ A_{k+1} over turns; each token gets its turn's.

    ρ_k is the reward of the turn, v_k the value at its first or last token; the critic has a
    target, A_k + v_k, at that token alone (NaN elsewhere).

    Trap: every played turn counts, turns without reward too.
    """

    gamma: float = Field(1.0, gt=0, le=1, description="Discount factor from turn to turn.")
    lam: float = Field(1.0, ge=0, le=1, description="GAE's λ over turns.")
    at: Literal["first", "last"] = Field(
        "first", description="Token of each turn at which the critic values it."
    )

    def estimate(self, sample: Sample, values: Floats) -> None:
        """Set a sample's advantages and returns from its `values`, [tokens]."""
        place = anchor_tokens(sample, self.at)
        own = np.append(values, 0.0)[place]
        advantages = gae(rewards_by_turn(sample), own, self.gamma, self.lam)
        spread_turns(sample, advantages)
        targets = np.full(len(values) + 1, np.nan)
        acted = lengths(sample) > 0
        targets[place[acted]] = (advantages + own)[acted]
        sample.returns = split(sample, targets[:-1])


@register("bi_level_gae")
class BiLevelGae(CriticAdvantage):
    """GAE over turns, then over the tokens of each turn towards the turn's target.

    Over the turns' last tokens: Δ_k = ρ_k + γ v_{k+1} - v_k, A_k = Δ_k + γλ A_{k+1}. Within turn k:
    token GAE whose only reward is A_k + v_k on its last token, with no value after it. Targets are
    A + V at every token.

    Trap: RAGEN takes the tokens with rewards for the turns' ends; turns without reward vanish
    there, and an episode without reward raises. Here turns are the played turns.
    """

    gamma: float = Field(0.95, gt=0, le=1, description="Discount factor from turn to turn.")
    lam: float = Field(1.0, ge=0, le=1, description="GAE's λ over turns.")
    token_gamma: float = Field(
        1.0, gt=0, le=1, description="Discount factor from token to token within a turn."
    )
    token_lam: float = Field(1.0, ge=0, le=1, description="GAE's λ over the tokens of a turn.")

    def estimate(self, sample: Sample, values: Floats) -> None:
        """Set a sample's advantages and returns from its `values`, [tokens]."""
        own = np.append(values, 0.0)[anchor_tokens(sample, "last")]
        turns = gae(rewards_by_turn(sample), own, self.gamma, self.lam)
        parts = np.split(values, lengths(sample).cumsum()[:-1])
        tokens = []
        for part, target in zip(parts, turns + own, strict=True):
            reward = np.zeros(len(part))
            reward[-1:] = target
            tokens.append(gae(reward, part, self.token_gamma, self.token_lam))
        sample.advantages = split(sample, np.concatenate(tokens))
        sample.returns = split(sample, np.concatenate(tokens) + values)


def anchor_tokens(sample: Sample, at: Literal["first", "last"]) -> np.ndarray:
    """Index of each turn's first or last token, [turns].

    A turn without tokens takes the next token, the state it faced; after the last token, the index
    is the number of tokens.
    """
    counts = lengths(sample)
    ends = counts.cumsum()
    return ends - counts if at == "first" else ends - (counts > 0)
