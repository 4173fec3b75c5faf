"""Supervised loss on demonstrations."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from envgym.trainers.losses.base import Loss, LossInputs
from envgym.trainers.plugin import register


@register("sft")
class Sft(Loss):
    """Supervised loss: -logp on every action token of samples of kind ``sft``."""

    name: str = "sft"
    applies_to: ClassVar[frozenset[str]] = frozenset({"sft"})

    def __call__(self, inputs: LossInputs) -> tuple[Tensor, dict[str, Tensor]]:
        """Compute the negative log-likelihood per token."""
        return -inputs.logp, {"nll": -inputs.logp}
