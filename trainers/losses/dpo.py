"""Direct preference optimisation on pairs (DPO, arXiv 2305.18290 eq. 7)."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import softplus

from envgym.errors import UsageError
from envgym.trainers.learner.rows import TrainRow
from envgym.trainers.losses.base import Loss, LossInputs
from envgym.trainers.plugin import register


@register("dpo")
class Dpo(Loss):
    """-log σ(β [Σ_t log(π / π_ref)(y⁺) - Σ_t log(π / π_ref)(y⁻)]), mean over pairs.

    Sums are over the action tokens of a sample, in whatever rows they are; both samples of a pair
    share a micro-batch. A derive plug-in such as ``pairs`` makes the pairs.

    Trap: sums, not means, over tokens; tool output is in none. Every token carries its pair's loss,
    and the divisor ``sequence`` makes that the mean over pairs, however long their sides are.
    """

    whole_samples: ClassVar[bool] = True
    needs: ClassVar[frozenset[str]] = frozenset({"ref_logp"})
    beta: float = Field(0.1, gt=0, description="Factor β on the difference of log-ratios.")
    roles: tuple[str, ...] = Field(
        ("chosen", "rejected"), description="Roles of the samples that the loss trains."
    )
    denominator: Literal["sequence"] = Field(
        "sequence", description="Divisor of the loss: pairs count alike."
    )

    def moves(self, row: TrainRow) -> bool:
        """Return True: a pair needs no advantage."""
        return True

    def conflict(self, config: Any) -> str | None:
        """Report that no plug-in makes pairs, or that batches would part them."""
        if not config.derive:
            return "no plug-in makes pairs to learn from: add pairs to derive"
        if not config.batching.keeps_pairs:
            return (
                f"batching {config.batching.name!r} may put the two sides of a pair into different "
                "batches: take shuffled"
            )
        return super().conflict(config)

    def __call__(self, inputs: LossInputs) -> tuple[Tensor, dict[str, Tensor]]:
        """Compute each token's share of its pair's loss."""
        pair = self.pairs(inputs)
        margin = self.margins(inputs, pair)[pair]
        return softplus(-margin), {
            "preference_margin": margin,
            "preference_accuracy": (margin > 0).float(),
        }

    def margins(self, inputs: LossInputs, pair: Tensor) -> Tensor:
        """Argument of the sigmoid, [pairs]."""
        assert inputs.side is not None
        assert inputs.ref_logp is not None
        return self.beta * _sums(inputs.side * (inputs.logp - inputs.ref_logp), pair)

    def pairs(self, inputs: LossInputs) -> Tensor:
        """Each token's pair, counted from 0, int64 [N].

        Raises:
            UsageError: A token is in no pair, or a pair lacks a side or the reference's log-probs.
        """
        if inputs.ref_logp is None:
            raise UsageError(f"the {self.name} loss needs a reference policy: train in the loop")
        if inputs.pair is None or inputs.side is None or bool((inputs.pair < 0).any()):
            raise UsageError(
                f"the {self.name} loss got a sample without a pair: let the derive plug-in set "
                "Sample.pair, as pairs does, or give the loss other roles"
            )
        _, pair = torch.unique(inputs.pair, return_inverse=True)
        for name, side in (("chosen", 1.0), ("rejected", -1.0)):
            if not _sums((inputs.side == side).float(), pair).all():
                raise UsageError(
                    f"the {self.name} loss got a pair without a {name} sample: a pair is two "
                    "samples with the roles chosen and rejected, of one token or more"
                )
        return pair


def _sums(values: Tensor, pair: Tensor) -> Tensor:
    """Sum of the tokens' values by pair, [pairs]."""
    count = int(pair.max()) + 1
    return torch.zeros(count, dtype=values.dtype, device=values.device).index_add(0, pair, values)
