"""KL to a frozen reference, estimated by Schulman's estimators (joschu.net/blog/kl-approx)."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

from pydantic import Field
from torch import Tensor

from envgym.errors import UsageError
from envgym.trainers.learner.rows import TrainRow
from envgym.trainers.losses.base import Loss, LossInputs
from envgym.trainers.plugin import register

K3_TAIL = 3.0
"""Nats below the reference from which k3 is continued in a straight line."""


@register("kl")
class Kl(Loss):
    """KL estimate with d = logp - ref_logp: k1 = d; k2 = d²/2; k3 = exp(-d) - 1 + d.

    Below d = -3, k3 goes on in a straight line, with the slope 1 - e³ = -19 that it has there. Its
    own gradient, 1 - exp(-d), is 5e8 for one token 20 nats below the reference, and the clipped
    norm of the gradient would leave nothing of the other tokens. Bounded, it pulls about as much as
    k2 does there, and at a coef of 0.05 or less no more than an advantage of 1.

    Trap: as a loss, k1's gradient is zero in expectation; it is for rewards and for logging. k2's
    gradient is the KL's own; k3 is GRPO's choice.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"ref_logp"})
    kind: Literal["k1", "k2", "k3"] = Field("k3", description="Estimator of the KL per token.")
    coef: float = Field(1e-3, description="Weight of the term in the total loss.")

    def moves(self, row: TrainRow) -> bool:
        """Return True: it has a gradient with or without an advantage."""
        return True

    def __call__(self, inputs: LossInputs) -> tuple[Tensor, dict[str, Tensor]]:
        """Compute the estimate per token."""
        if inputs.ref_logp is None:
            raise UsageError("the kl loss needs a reference policy: train through the loop")
        d = inputs.logp - inputs.ref_logp
        near = d.clamp(min=-K3_TAIL)
        k3 = (-near).exp() - 1 + near + (d - near) * (1 - math.exp(K3_TAIL))
        estimate = {"k1": d, "k2": d.square() / 2, "k3": k3}[self.kind]
        return estimate, {"kl": estimate}
