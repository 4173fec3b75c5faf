"""KL penalty to a frozen reference, in the reward (InstructGPT, arXiv 2203.02155 §3.5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from envgym.errors import UsageError
from envgym.trainers.advantages.credit import samples_of
from envgym.trainers.collection.samples import Group
from envgym.trainers.losses.kl import K3_TAIL
from envgym.trainers.plugin import register
from envgym.trainers.rewards.base import Reward


@register("kl")
class KlReward(Reward):
    """-coef · k_t with every action token, of d = log π_behaviour - log π_ref.

    k1 = d, k2 = d² / 2, k3 = exp(-d) - 1 + d, a straight line below d = -3 as in the loss ``kl``.

    Token methods (``gae``, ``reinforce++``) credit it per token, group methods by its sum.

    Trap: k1 alone is unbiased in the reward. Tool output has no KL: nobody sampled it. Tokens
    without a recorded log-prob cost nothing. After a hint the recorded log-prob includes the hint
    and the reference does not, so the penalty includes the effect of the hint.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"ref_logp"})
    charges: ClassVar[bool] = True
    kind: Literal["k1", "k2", "k3"] = Field("k1", description="Estimator of the KL per token.")
    coef: float = Field(0.05, ge=0, description="Penalty per nat of KL.")

    def __call__(self, groups: Sequence[Group]) -> None:
        """Subtract the penalty from every token's reward."""
        for sample in samples_of(groups):
            if sample.ref_logp is None:
                raise UsageError("the kl reward needs a reference policy: train through the loop")
            charges = []
            for turn, ref in zip(sample.trajectory.turns, sample.ref_logp, strict=True):
                own = np.array(turn.logprobs or ref, np.float64)
                d = np.where(np.isnan(own), 0.0, own - ref)
                near = np.maximum(d, -K3_TAIL)
                k3 = np.exp(-near) - 1 + near + (d - near) * (1 - np.exp(K3_TAIL))
                k = {"k1": d, "k2": d**2 / 2, "k3": k3}[self.kind]
                charges.append(-self.coef * k)
            sample.add_reward_tokens(self.name, charges)
