"""Advantage leftover-lunch losses (A-LoL, arXiv 2305.14718)."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from envgym.errors import UsageError
from envgym.trainers.learner.rows import TrainRow
from envgym.trainers.losses.base import Loss, LossInputs, bounded_ratio, ratios
from envgym.trainers.plugin import register


@register("a_lol_ref_free")
class ALolRefFree(Loss):
    """-A Σ_t log π(y_t) for A > 0 alone: the whole answer is one action, and it needs no reference.

    An answer better than the value of its task is imitated, by how much it is better; others are
    left out. In the source A = R - V, V a head on the frozen reference that learns the rewards of
    its own generations. Advantage ``rloo`` is the nearest here: V is the mean reward of the
    group's other members, which the policy played. Batching ``priority`` draws by A.

    Trap: no answer is pushed down. Log-probs are summed, not averaged, over tokens, hence the
    divisor ``constant``. V must come from the policy's own answers: the mean reward of data that
    others made would call half of bad data good.
    """

    improves: ClassVar[bool] = True
    denominator: Literal["constant"] = Field(
        "constant", description="Divisor of the loss: log-probs are summed over an answer's tokens."
    )

    @property
    def bears_vanished_hints(self) -> bool:
        """Flag, True: no ratio to the record is clipped."""
        return True

    def moves(self, row: TrainRow) -> bool:
        """Return whether a token has a positive advantage."""
        return bool((row.advantage > 0).any())

    def __call__(self, inputs: LossInputs) -> tuple[Tensor, dict[str, Tensor]]:
        """Compute the weighted log-likelihood."""
        _, metrics = ratios(inputs)
        advantage = inputs.advantage.clamp(min=0)
        weight = self.weights(inputs)
        metrics |= {"a_lol_used": (advantage > 0).float(), "a_lol_weight": weight}
        return -weight * advantage * inputs.logp, metrics

    def weights(self, inputs: LossInputs) -> Tensor:
        """Importance weight of each token, [N], without gradient."""
        return torch.ones_like(inputs.advantage)


@register("a_lol")
class ALol(ALolRefFree):
    """-A w Σ_t log π(y_t) for A > 0 alone, w = sg(clip(Π_t π / π_ref, 1 - ε, 1 + ε)), ε = 0.9.

    ``variant``: ``full``; ``seq`` clips every token's ratio π_t / π_ref,t; ``kl`` takes w = 1 and
    adds β Σ_t log(π / π_ref) on the answers that are learnt from.

    Trap: A-LoL's; w is a weight and no surrogate: it carries no gradient.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"ref_logp"})
    whole_samples: ClassVar[bool] = True
    variant: Literal["full", "seq", "kl"] = Field(
        "full", description="Form of the importance weight: of the answer, of a token, or none."
    )
    clip: float = Field(0.9, gt=0, description="Clip range ε of the weight around 1.")
    kl_coef: float = Field(0.1, ge=0, description="Factor β of the log-ratios in the variant kl.")

    def __call__(self, inputs: LossInputs) -> tuple[Tensor, dict[str, Tensor]]:
        """Compute the weighted log-likelihood, and the penalty of the variant ``kl``."""
        if inputs.ref_logp is None:
            raise UsageError(f"the {self.name} loss needs a reference policy: train in the loop")
        loss, metrics = super().__call__(inputs)
        if self.variant == "kl":
            penalty = self.kl_coef * (inputs.logp - inputs.ref_logp)
            loss = loss + penalty.where(inputs.advantage > 0, 0.0)
        return loss, metrics

    def weights(self, inputs: LossInputs) -> Tensor:
        """Clipped ratio to the reference, [N], without gradient."""
        if self.variant == "kl":
            return super().weights(inputs)
        assert inputs.ref_logp is not None
        gap = (inputs.logp - inputs.ref_logp).detach()
        if self.variant == "full":
            _, answer = torch.unique(inputs.sample, return_inverse=True)
            sums = gap.new_zeros(int(answer.max()) + 1 if len(answer) else 0)
            gap = sums.index_add(0, answer, gap)[answer]
        return bounded_ratio(gap).clamp(max(1 - self.clip, 0.0), 1 + self.clip)
