"""The clipped policy-gradient loss (PPO, arXiv 1707.06347 eq. 7; clip-higher from DAPO)."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor

from envgym.trainers.losses.base import Loss, LossInputs
from envgym.trainers.plugin import register


@register("clip")
class Clip(Loss):
    """-min(r·A, clip(r, 1 - low, 1 + high)·A), r = exp(logp - old_logp).

    Trap: the ratio is logged raw, before clipping; a ratio far from 1 before the first update
    means that sampler and learner disagree.
    """

    name: str = "clip"
    low: float = Field(0.2, gt=0, description="Lower clip range.")
    high: float = Field(0.2, gt=0, description="Upper clip range; 0.28 is DAPO's.")

    def __call__(self, inputs: LossInputs) -> tuple[Tensor, dict[str, Tensor]]:
        """The clipped surrogate."""
        difference = inputs.logp - inputs.old_logp
        ratio = difference.exp()
        clipped = ratio.clamp(1 - self.low, 1 + self.high)
        plain, bounded = ratio * inputs.advantage, clipped * inputs.advantage
        metrics = {
            "ratio": ratio,
            "clip_fraction": (bounded < plain).float(),
            "old_kl": -difference,
            "logp_gap": difference.abs(),
        }
        return -torch.minimum(plain, bounded), metrics
