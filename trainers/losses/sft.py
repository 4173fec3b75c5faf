"""Supervised loss on demonstrations."""

from __future__ import annotations

from pydantic import Field
from torch import Tensor

from envgym.trainers.learner.rows import TrainRow
from envgym.trainers.losses.base import Loss, LossInputs
from envgym.trainers.plugin import register


@register("sft")
class Sft(Loss):
    """Supervised loss: -logp on every action token of demonstrations."""

    roles: tuple[str, ...] = Field(
        ("demonstration",), description="Roles of the samples that the loss trains."
    )

    def moves(self, row: TrainRow) -> bool:
        """Return True: it imitates every row."""
        return True

    def __call__(self, inputs: LossInputs) -> tuple[Tensor, dict[str, Tensor]]:
        """Compute the negative log-likelihood per token."""
        return -inputs.logp, {"nll": -inputs.logp}
