"""Interface of losses: from flat per-token tensors to a per-token loss and metrics."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from jaxtyping import Float, Int
from pydantic import Field
from torch import Tensor

from envgym.errors import UsageError
from envgym.trainers.collection.samples import Sample
from envgym.trainers.learner.rows import TrainRow
from envgym.trainers.plugin import Plugin

Denominator = Literal["token", "sequence", "constant"]


@dataclass
class LossInputs:
    """Action tokens of a micro-batch, flattened to one row per token.

    Attributes:
        logp: Log-probs under the policy being trained; carries gradient.
        old_logp: Log-probs under the behaviour policy, as recorded when it sampled the tokens.
        ref_logp: Log-probs under the frozen reference; None where no term needs them.
        advantage: Advantage of the token.
        sample: Index of the episode in the batch.
        prox_logp: Log-probs under the proximal policy, the one just before the step's first update;
            None where no term needs them.
    """

    logp: Float[Tensor, " tokens"]
    old_logp: Float[Tensor, " tokens"]
    ref_logp: Float[Tensor, " tokens"] | None
    advantage: Float[Tensor, " tokens"]
    sample: Int[Tensor, " tokens"]
    prox_logp: Float[Tensor, " tokens"] | None = None


class Loss(Plugin):
    """Plug-in for one term of the loss.

    Attributes:
        applies_to: Kinds of samples that the loss is for.
        needs_reference: Whether it reads `LossInputs.ref_logp`.
        needs_proximal: Whether it reads `LossInputs.prox_logp`.
        whole_samples: Whether all rows of a sample must be in one micro-batch.
        improves: Whether it follows the advantages: a recipe has one such loss.
    """

    point: ClassVar[str] = "loss"
    applies_to: ClassVar[frozenset[str]] = frozenset({"rl"})
    needs_reference: ClassVar[bool] = False
    needs_proximal: ClassVar[bool] = False
    whole_samples: ClassVar[bool] = False
    improves: ClassVar[bool] = False
    coef: float = Field(1.0, description="Weight of the term in the total loss.")

    @abstractmethod
    def __call__(self, inputs: LossInputs) -> tuple[Tensor, dict[str, Tensor]]:
        """Compute the per-token loss [N], and per-token metrics [N] to average over tokens."""

    def conflict(self, config: Any) -> str | None:
        """Report a second loss that follows the advantages."""
        others = [loss.name for loss in config.losses if loss is not self and loss.improves]
        if self.improves and others:
            return (
                f"it and {others[0]!r} both follow the advantages, which would count twice: keep "
                "one of them in losses"
            )
        return None

    def prox_logp(self, inputs: LossInputs) -> Tensor:
        """`LossInputs.prox_logp`, or a UsageError where it is None."""
        if inputs.prox_logp is None:
            raise UsageError(f"the {self.name} loss needs proximal log-probs: train in the loop")
        return inputs.prox_logp


LOG_RATIO_BOUND = 20.0
"""Bound of log-ratios, in nats: float32 overflows at 88.7, and infinity times 0 is no number."""


def bounded_ratio(log_ratio: Tensor) -> Tensor:
    """exp(log-ratio), the log-ratio bounded to ±20 nats; beyond the bound it has no gradient.

    A token that moved by a factor of 5e8 would take the whole step for itself, so it is left out.
    """
    return log_ratio.clamp(-LOG_RATIO_BOUND, LOG_RATIO_BOUND).exp()


def ratios(inputs: LossInputs) -> tuple[Tensor, dict[str, Tensor]]:
    """Bounded ratio of the policy to the behaviour policy, [N], and its metrics before clipping.

    A ratio far from 1 before the first update means that engine and learner disagree.
    """
    difference = inputs.logp - inputs.old_logp
    ratio = bounded_ratio(difference)
    return ratio, {"ratio": ratio, "old_kl": -difference, "logp_gap": difference.abs()}


def useful_rows(rows: Sequence[TrainRow], losses: Sequence[Loss]) -> list[TrainRow]:
    """Rows with a weight and a gradient: those without an advantage are left out.

    A loss that compares with a reference has a gradient on every row; a loss on whole samples gets
    all rows of a sample or none.
    """
    weighed = [r for r in rows if r.weight.any()]
    if any(loss.needs_reference for loss in losses):
        return weighed
    credited = {r.sample for r in weighed if r.advantage.any()}
    whole = any(loss.whole_samples for loss in losses)
    return [r for r in weighed if r.advantage.any() or (whole and r.sample in credited)]


def token_weights(samples: list[Sample], denominator: Denominator, constant: float) -> list[float]:
    """Weight of each action token, one number per sample; the batch loss is a weighted sum.

    ``token``: the mean over all tokens of the batch (DAPO). ``sequence``: the mean over a sample's
    tokens, then over samples (GRPO). ``constant``: the sum over ``constant`` times the number of
    samples (Dr. GRPO). Weights cover the global batch, never a micro-batch; skipped samples weigh 0
    and do not count.
    """
    kept = [s for s in samples if not s.skip]
    count = max(len(kept), 1)
    total = max(sum(s.tokens for s in kept), 1)
    weights = {
        "token": lambda s: 1.0 / total,
        "sequence": lambda s: 1.0 / (count * max(s.tokens, 1)),
        "constant": lambda s: 1.0 / (count * constant),
    }
    return [0.0 if s.skip else weights[denominator](s) for s in samples]
