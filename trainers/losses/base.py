"""The loss's interface: from flat per-token tensors to a per-token loss and metrics."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from jaxtyping import Float, Int
from torch import Tensor

from envgym.errors import UsageError
from envgym.trainers.collection.samples import Sample
from envgym.trainers.learner.rows import TrainRow
from envgym.trainers.plugin import Plugin

Denominator = Literal["token", "sequence", "constant"]


@dataclass
class LossInputs:
    """The action tokens of a micro-batch, flattened: one row per token.

    Attributes:
        logp: Log-probs under the policy being trained; carries gradient.
        old_logp: As recorded when sampled.
        ref_logp: Under the frozen reference; None where no term asks for it.
        advantage: Credit of the token.
        sample: Index of the episode in the batch.
        prox_logp: Under the policy just before the step's first update; None where no term asks.
    """

    logp: Float[Tensor, " tokens"]
    old_logp: Float[Tensor, " tokens"]
    ref_logp: Float[Tensor, " tokens"] | None
    advantage: Float[Tensor, " tokens"]
    sample: Int[Tensor, " tokens"]
    prox_logp: Float[Tensor, " tokens"] | None = None


class Loss(Plugin):
    """One term of the loss.

    Attributes:
        applies_to: Kinds of samples it is for.
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
    coef: float = 1.0

    @abstractmethod
    def __call__(self, inputs: LossInputs) -> tuple[Tensor, dict[str, Tensor]]:
        """Per-token loss [N], and per-token metrics [N] to be averaged over tokens."""

    def conflict(self, config: Any) -> str | None:
        """Another loss that follows the advantages too."""
        others = [loss.name for loss in config.losses if loss is not self and loss.improves]
        if self.improves and others:
            return (
                f"it and {others[0]!r} both follow the advantages, which would count twice: keep "
                "one of them in losses"
            )
        return None

    def proximal(self, inputs: LossInputs) -> Tensor:
        """`LossInputs.prox_logp`, which must be there."""
        if inputs.prox_logp is None:
            raise UsageError(f"the {self.name} loss needs proximal log-probs: train in the loop")
        return inputs.prox_logp


def ratios(inputs: LossInputs) -> tuple[Tensor, dict[str, Tensor]]:
    """The policy's ratio to what was recorded, [N], and what is told of it before anything cuts it.

    A ratio far from 1 before the first update means that sampler and learner disagree.
    """
    difference = inputs.logp - inputs.old_logp
    ratio = difference.exp()
    return ratio, {"ratio": ratio, "old_kl": -difference, "logp_gap": difference.abs()}


def useful_rows(rows: Sequence[TrainRow], losses: Sequence[Loss]) -> list[TrainRow]:
    """Rows that weigh something, and whose gradient is not zero for want of credit.

    A loss that compares with a reference has a gradient everywhere; one that looks at whole samples
    sees all rows of a sample or none.
    """
    weighed = [r for r in rows if r.weight.any()]
    if any(loss.needs_reference for loss in losses):
        return weighed
    credited = {r.sample for r in weighed if r.advantage.any()}
    whole = any(loss.whole_samples for loss in losses)
    return [r for r in weighed if r.advantage.any() or (whole and r.sample in credited)]


def token_weights(samples: list[Sample], denominator: Denominator, constant: float) -> list[float]:
    """For each sample, the weight of each of its action tokens; a loss is then a weighted sum.

    ``token``: all tokens of the batch alike (DAPO). ``sequence``: the mean over a sample's tokens,
    then over samples (GRPO). ``constant``: the sum over ``constant`` times the number of samples
    (Dr. GRPO). Computed over the global batch, never over a micro-batch; skipped samples weigh
    nothing and are not counted.
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
