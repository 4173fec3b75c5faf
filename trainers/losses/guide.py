"""Loss for vanished hints (Guide, arXiv 2506.13923), shaped as in LUFFY (2504.14945)."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from envgym.errors import UsageError
from envgym.trainers.collection.samples import Sample
from envgym.trainers.losses.base import LossInputs, bounded_ratio
from envgym.trainers.losses.clip import Clip
from envgym.trainers.plugin import register

MIN_GAMMA = 1e-4


@register("guide")
class GuideLoss(Clip):
    """``clip`` on plain tokens; -w·A on those after a vanished hint, w = ρ / (ρ + γ), unclipped.

    ρ = π(y_t | x, y_<t) / π_old(y_t | x, h, y_<t): the hint is in the record's context and not in
    the loss's. γ is the `quantile` of ρ over all guided tokens of the batch, just before the step's
    first update, and at least 1e-4; it carries no gradient. ∇w = w (1 - w) ∇ log π: a token that
    the plain policy finds unlikely (ρ ≪ γ) has 1 / γ times its importance-weighted gradient.

    Trap: the quantile is over guided tokens alone, and over the whole batch: of a micro-batch it
    would depend on the layout. Clipped at 1 ± 0.2, guided tokens have hardly any gradient left.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"prox_logp"})
    quantile: float = Field(
        0.9, ge=0, le=1, description="Quantile of the guided tokens' ratios that is γ."
    )

    @property
    def bears_vanished_hints(self) -> bool:
        """Flag, True: guided tokens are not clipped."""
        return True

    def reads(self, sample: Sample) -> bool:
        """Return True for samples with a vanished hint: γ is over their tokens alone."""
        return super().reads(sample) and sample.hinted

    def batch_statistics(self, batch: LossInputs) -> dict[str, float]:
        """Compute γ; nothing where no token is guided."""
        if batch.guided is None or not batch.guided.any():
            return {}
        ratio = bounded_ratio(batch.logp - batch.old_logp)[batch.guided]
        gamma = float(np.quantile(ratio.detach().numpy(), self.quantile))
        if not np.isfinite(gamma):
            raise UsageError("the guide loss needs proximal log-probs: train in the loop")
        return {"gamma": max(gamma, MIN_GAMMA)}

    def __call__(self, inputs: LossInputs) -> tuple[Tensor, dict[str, Tensor]]:
        """Compute the clipped surrogate, and the shaped one on guided tokens."""
        loss, metrics = super().__call__(inputs)
        guided = inputs.guided
        if guided is None or not guided.any():
            return loss, metrics
        ratio = bounded_ratio(inputs.logp - inputs.old_logp)
        weight = ratio / (ratio + inputs.statistics["gamma"])
        plain = {name: values[~guided] for name, values in metrics.items()}
        shaped = {"guided_ratio": ratio[guided], "guided_weight": weight[guided]}
        return torch.where(guided, -weight * inputs.advantage, loss), plain | shaped
