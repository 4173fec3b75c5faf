"""Sequence-level ratios (GSPO, arXiv 2507.18071 §4)."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from envgym.trainers.losses.base import Loss, LossInputs, bounded_ratio, ratios
from envgym.trainers.losses.clip import clipped
from envgym.trainers.plugin import register, wrong_denominator


@register("gspo")
class Gspo(Loss):
    """-min(s·A, clip(s, 1 - low, 1 + high)·A), s = exp(mean over the episode of logp - old_logp).

    In token form, s_t = sg(s) · π / sg(π): the same gradient, and each token may have its own
    advantage (GSPO-token).

    Trap: the mean is over all action tokens of the episode, in whatever rows they are. Bounds are a
    thousandth of PPO's: a mean moves less than its terms. ``learner.denominator: sequence``.
    """

    improves: ClassVar[bool] = True
    whole_samples: ClassVar[bool] = True
    low: float = Field(3e-4, gt=0, description="Lower clip range of the sequence ratio.")
    high: float = Field(4e-4, gt=0, description="Upper clip range of the sequence ratio.")

    def conflict(self, config: Any) -> str | None:
        """Report another denominator: each episode counts once, by the mean of its tokens."""
        return super().conflict(config) or wrong_denominator(config, "sequence")

    def __call__(self, inputs: LossInputs) -> tuple[Tensor, dict[str, Tensor]]:
        """Compute the clipped surrogate."""
        _, metrics = ratios(inputs)
        difference = (inputs.logp - inputs.old_logp).detach()
        _, episode, count = torch.unique(inputs.sample, return_inverse=True, return_counts=True)
        sums = torch.zeros(len(count), dtype=difference.dtype, device=difference.device)
        mean = sums.index_add(0, episode, difference) / count
        ratio = bounded_ratio(mean[episode] + inputs.logp - inputs.logp.detach())
        metrics["sequence_ratio"] = ratio
        gain, metrics["clipfrac"] = clipped(ratio, inputs.advantage, self.low, self.high)
        return -gain, metrics
