"""Clipped policy-gradient losses.

PPO (arXiv 1707.06347 eq. 7), dual clip (1912.09729 eq. 5), clip-higher (DAPO, 2503.14476 §3.1).
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from envgym.trainers.losses.base import Loss, LossInputs, ratios
from envgym.trainers.plugin import register, wrong_denominator


def clipped(ratio: Tensor, advantage: Tensor, low: float, high: float) -> tuple[Tensor, Tensor]:
    """min(r·A, clip(r, 1 - low, 1 + high)·A), and where the clip is active; both [N]."""
    plain, bounded = ratio * advantage, ratio.clamp(1 - low, 1 + high) * advantage
    return torch.minimum(plain, bounded), (bounded < plain).float()


@register("clip")
class Clip(Loss):
    """-min(r·A, clip(r, 1 - low, 1 + high)·A), r = exp(logp - old_logp).

    With ``dual`` c: for A < 0 never more than -c·A, however large the ratio.

    Trap: the metric holds the raw ratio, before clipping; a ratio far from 1 before the first
    update means that engine and learner disagree.
    """

    improves: ClassVar[bool] = True
    low: float = Field(0.2, gt=0, description="Lower clip range of the ratio.")
    high: float = Field(0.2, gt=0, description="Upper clip range of the ratio; DAPO takes 0.28.")
    dual: float | None = Field(
        None, gt=1, description="Bound c of the ratio where A < 0; 3 is usual, null is PPO."
    )

    def __call__(self, inputs: LossInputs) -> tuple[Tensor, dict[str, Tensor]]:
        """Compute the clipped surrogate."""
        ratio, metrics = ratios(inputs)
        gain, metrics["clipfrac"] = clipped(ratio, inputs.advantage, self.low, self.high)
        if self.dual is not None:
            least = torch.where(inputs.advantage < 0, self.dual * inputs.advantage, -torch.inf)
            metrics["dual_fraction"] = (gain < least).float()
            gain = torch.maximum(gain, least)
        return -gain, metrics


@register("dapo")
class Dapo(Clip):
    """Clipped loss with DAPO's bounds, 0.2 and 0.28: unlikely tokens have room to grow.

    Trap: the rest of DAPO is elsewhere: ``learner.denominator: token``, the reward ``overlong``,
    and ``rollout.dynamic_rounds``.
    """

    high: float = Field(0.28, gt=0, description="Upper clip range of the ratio.")

    def conflict(self, config: Any) -> str | None:
        """Report another denominator than the batch's tokens (DAPO §3.3)."""
        return super().conflict(config) or wrong_denominator(config, "token")
