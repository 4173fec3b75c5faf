"""Distillation of hinted distributions (SSB, arXiv 2512.05105)."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field
from torch import Tensor

from envgym.errors import UsageError
from envgym.trainers.learner.logprobs import logits_at
from envgym.trainers.learner.rows import TrainRow
from envgym.trainers.losses.base import Loss, LossInputs
from envgym.trainers.plugin import register


@register("distill")
class Distill(Loss):
    """T² KL(softmax(z_teacher / T) ‖ softmax(z / T)) over the teacher's 64 likeliest tokens.

    The teacher is the frozen reference with the hints in view, the student the policy without them,
    at each action token of an episode played with hints that vanish. Both are renormalised over
    the teacher's likeliest tokens, so that equal models without hints have no gradient.

    Trap: a token has other places in the two contexts; logits meet by turn and token here. Mass
    beyond the likeliest tokens is free: add `sft` on the same roles where the student puts much
    there.
    """

    reads_states: ClassVar[bool] = True
    data: ClassVar[str] = "ref_top"
    needs: ClassVar[frozenset[str]] = frozenset({"ref_top"})
    distillation_temperature: float = Field(
        2.0, gt=0, description="Divisor T of both models' logits, beside the sampling temperature."
    )
    roles: tuple[str, ...] = Field(
        ("distilled",), description="Roles of the samples that the loss trains."
    )

    def moves(self, row: TrainRow) -> bool:
        """Return True: a teacher needs no advantage."""
        return True

    def conflict(self, config: Any) -> str | None:
        """Report that teacher and student would see the same."""
        if config.guidance.name == "none" and not config.derive:
            return (
                "teacher and student see the same context where nothing gives hints: take a "
                "guidance, such as ssb"
            )
        if getattr(config.guidance, "vanish", True) is False:
            return (
                f"guidance {config.guidance.name!r} leaves its hints in the student's context too: "
                "set guidance.vanish to true"
            )
        return super().conflict(config)

    def __call__(self, inputs: LossInputs) -> tuple[Tensor, dict[str, Tensor]]:
        """Compute the divergence per token."""
        if self.data not in inputs.data or inputs.states is None or inputs.head is None:
            raise UsageError(f"the {self.name} loss needs a teacher's logits: train in the loop")
        ids, logits = inputs.data[self.data].chunk(2, 1)
        own = logits_at(inputs.head, inputs.states, ids.long(), inputs.temperature)
        teacher = (logits / self.distillation_temperature).log_softmax(-1)
        student = (own / self.distillation_temperature).log_softmax(-1)
        divergence = (teacher.exp() * (teacher - student)).sum(-1)
        return self.distillation_temperature**2 * divergence, {"distill_kl": divergence}


@register("self_distill")
class SelfDistill(Distill):
    """``distill`` with the policy itself as teacher, hints in view, as it was before the step.

    Trap: ``distill``'s; and the teacher drifts with the student: keep a loss beside it that follows
    the environment's scores.
    """

    data: ClassVar[str] = "policy_top"
    needs: ClassVar[frozenset[str]] = frozenset({"policy_top"})
