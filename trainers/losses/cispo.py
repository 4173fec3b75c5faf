"""Clipped importance weights (CISPO, MiniMax-M1, arXiv 2506.13585 §3.1)."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field
from torch import Tensor

from envgym.trainers.losses.base import Loss, LossInputs, ratios
from envgym.trainers.plugin import register


@register("cispo")
class Cispo(Loss):
    """-sg(clip(r, 1 - low, 1 + high)) · A · logp: clipped tokens still learn, at that weight.

    Trap: the bounds are ranges around 1, as everywhere here; the defaults bound weights to
    [0, 5]. (TRL takes the upper range for an absolute cap, and PPO's 0.2 where none is set.)
    """

    improves: ClassVar[bool] = True
    low: float = Field(1.0, gt=0, description="Lower clip range of the ratio; 1 sets no bound.")
    high: float = Field(4.0, gt=0, description="Upper clip range of the ratio.")

    @property
    def bears_vanished_hints(self) -> bool:
        """Flag, True: the ratio is a weight, whatever its size."""
        return True

    def __call__(self, inputs: LossInputs) -> tuple[Tensor, dict[str, Tensor]]:
        """Compute the weighted policy gradient."""
        ratio, metrics = ratios(inputs)
        weight = ratio.detach().clamp(max(1 - self.low, 0.0), 1 + self.high)
        metrics["clipfrac"] = (weight != ratio).float()
        return -weight * inputs.advantage * inputs.logp, metrics
