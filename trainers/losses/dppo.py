"""Trust region in probabilities (DPPO-TV, arXiv 2602.04879)."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field
from torch import Tensor

from envgym.trainers.learner.rows import TrainRow
from envgym.trainers.losses.base import Loss, LossInputs, ratios
from envgym.trainers.plugin import register


@register("dppo_tv")
class DppoTv(Loss):
    """-keep · r · A + κ · (logp - old_logp)²; a mask drops tokens that have moved far.

    It drops a token where A > 0 and p - p_old > high, or A < 0 and p - p_old < -low, p its
    probability.

    Ratios of unlikely tokens jump where little has changed, those of likely ones hardly move where
    much has; probabilities measure both alike. The ratio is to the behaviour policy.

    Trap: a token left out stays in the denominator, and keeps its pull κ to the record.
    """

    improves: ClassVar[bool] = True
    low: float = Field(0.2, gt=0, le=1, description="Maximum fall of a token's probability.")
    high: float = Field(0.2, gt=0, le=1, description="Maximum rise of a token's probability.")
    pull: float = Field(1e-3, ge=0, description="Weight κ of the squared log-ratio.")

    def moves(self, row: TrainRow) -> bool:
        """Return True where the pull acts, which needs no advantage."""
        return self.pull > 0 or super().moves(row)

    def __call__(self, inputs: LossInputs) -> tuple[Tensor, dict[str, Tensor]]:
        """Compute the masked surrogate and the pull."""
        ratio, metrics = ratios(inputs)
        moved = (inputs.logp.exp() - inputs.old_logp.exp()).detach()
        far = ((inputs.advantage > 0) & (moved > self.high)) | (
            (inputs.advantage < 0) & (moved < -self.low)
        )
        metrics |= {"clipfrac": far.float(), "probability_moved": moved.abs()}
        pull = self.pull * (inputs.logp - inputs.old_logp).square()
        return -ratio.where(~far, 0.0) * inputs.advantage + pull, metrics
