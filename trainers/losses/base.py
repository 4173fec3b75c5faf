"""The loss's interface: from flat per-token tensors to a per-token loss and metrics."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor

from envgym.trainers.batch import Sample
from envgym.trainers.plugin import Plugin

Denominator = Literal["token", "sequence", "constant"]


@dataclass
class LossInputs:
    """The action tokens of a micro-batch, flattened: every tensor is float32 [N].

    Attributes:
        logp: Log-probs under the policy being trained; carries gradient.
        old_logp: As recorded when sampled.
        ref_logp: Under the frozen reference; None where no term asks for it.
        advantage: Credit of the token.
        sample: int64, index of the episode in the batch.
    """

    logp: Tensor
    old_logp: Tensor
    ref_logp: Tensor | None
    advantage: Tensor
    sample: Tensor


class Loss(Plugin):
    """One term of the loss.

    Attributes:
        applies_to: Kinds of samples it is for.
        needs_reference: Whether it reads `LossInputs.ref_logp`.
    """

    point: ClassVar[str] = "loss"
    applies_to: ClassVar[frozenset[str]] = frozenset({"rl"})
    needs_reference: ClassVar[bool] = False
    coef: float = 1.0

    @abstractmethod
    def __call__(self, inputs: LossInputs) -> tuple[Tensor, dict[str, Tensor]]:
        """Per-token loss [N], and per-token metrics [N] to be averaged over tokens."""


def token_weights(samples: list[Sample], denominator: Denominator, constant: float) -> list[float]:
    """For each sample, the weight of each of its action tokens; a loss is then a weighted sum.

    ``token``: all tokens of the batch alike (DAPO). ``sequence``: the mean over a sample's tokens,
    then over samples (GRPO). ``constant``: the sum over ``constant`` times the number of samples
    (Dr. GRPO). Computed over the global batch, never over a micro-batch.
    """
    count = len(samples)
    total = sum(s.tokens for s in samples)
    if denominator == "token":
        return [1.0 / max(total, 1)] * count
    if denominator == "sequence":
        return [1.0 / (count * max(s.tokens, 1)) for s in samples]
    return [1.0 / (count * constant)] * count
