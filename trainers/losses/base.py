"""Interface of losses: from flat per-token tensors to a per-token loss and metrics."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field
from torch import Tensor

from envgym.errors import UsageError
from envgym.trainers.collection.samples import Sample
from envgym.trainers.learner.rows import TrainRow
from envgym.trainers.losses.inputs import LossInputs
from envgym.trainers.plugin import Plugin

Denominator = Literal["token", "sequence", "constant"]


class Loss(Plugin):
    """Plug-in for one term of the loss.

    Attributes:
        whole_samples: Whether all rows of a sample, or of a pair of samples, must be in one
            micro-batch.
        reads_states: Whether it reads the states before the tokens, for logits of its own.
        improves: Whether it follows the advantages: a recipe has one such loss per role.
    """

    point: ClassVar[str] = "loss"
    whole_samples: ClassVar[bool] = False
    reads_states: ClassVar[bool] = False
    improves: ClassVar[bool] = False
    coef: float = Field(1.0, description="Weight of the term in the total loss.")
    roles: tuple[str, ...] = Field(
        ("policy", "guided", "prefixed"), description="Roles of the samples that the loss trains."
    )
    denominator: Denominator | None = Field(
        None,
        description="Divisor of the loss over the samples of its roles; null takes the learner's.",
    )
    lr: float | None = Field(
        None,
        gt=0,
        description="Learning rate of an optimiser of its own, with moments apart from the "
        "policy's; null shares the learner's optimiser.",
    )

    @abstractmethod
    def __call__(self, inputs: LossInputs) -> tuple[Tensor, dict[str, Tensor]]:
        """Compute the per-token loss [N], and per-token metrics [N] to average over tokens."""

    def conflict(self, config: Any) -> str | None:
        """Report a second loss that follows the advantages."""
        others = [
            loss.name
            for loss in config.losses
            if loss is not self and loss.improves and set(loss.roles) & set(self.roles)
        ]
        if self.improves and others:
            return (
                f"it and {others[0]!r} both follow the advantages, which would count twice: keep "
                "one of them in losses, or give them different roles"
            )
        return None

    @property
    def bears_vanished_hints(self) -> bool:
        """Flag that tokens keep their gradient at ratios far below 1.

        Tokens have those that were sampled after a hint which the loss does not see.
        """
        return False

    def reads(self, sample: Sample) -> bool:
        """Return whether the loss reads the token data that it `needs` of a sample.

        Data costs a forward pass: it is computed for these samples alone, and NaN for others.
        """
        return sample.role in self.roles

    def moves(self, row: TrainRow) -> bool:
        """Return whether the loss has a gradient on a row of its roles."""
        return bool(row.advantage.any())

    def batch_statistics(self, batch: LossInputs) -> dict[str, float]:
        """Compute numbers over the whole batch, such as quantiles, before its first micro-batch.

        Args:
            batch: All tokens of the loss's roles; `logp` is the proximal policy's where the loss
                needs that, else NaN.
        """
        return {}

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
    return ratio, {"ratio": ratio, "approx_kl": -difference, "logp_gap": difference.abs()}


def useful_rows(rows: Sequence[TrainRow], losses: Sequence[Loss]) -> list[TrainRow]:
    """Rows with a weight on which a loss for their role has a gradient.

    A loss on whole samples gets all rows of a sample or none.
    """
    weighed = [r for r in rows if r.weight.any()]
    moved = [any(r.source.role in x.roles and x.moves(r) for x in losses) for r in weighed]
    samples = {r.sample for r, moves in zip(weighed, moved, strict=True) if moves}
    whole = any(loss.whole_samples for loss in losses)
    return [
        r
        for r, moves in zip(weighed, moved, strict=True)
        if moves or (whole and r.sample in samples)
    ]


def loss_weights(
    losses: Sequence[Loss], batch: list[Sample], batching: Any, learner: Any
) -> list[list[float]]:
    """Weight of each sample's tokens under each loss: one list per loss, one number per sample.

    A loss divides over the samples of its own roles; the others weigh 0.

    Args:
        batching: The run's `Batching`, which may have a divisor of its own.
        learner: The config's section with the `denominator` and its `constant`.
    """
    found = []
    for loss in losses:
        mine = [i for i, sample in enumerate(batch) if sample.role in loss.roles]
        weights = [0.0] * len(batch)
        given = batching.weights(
            [batch[i] for i in mine], loss.denominator or learner.denominator, learner.constant
        )
        for i, weight in zip(mine, given, strict=True):
            weights[i] = weight
        found.append(weights)
    return found


def check_roles(samples: Iterable[Sample], losses: Sequence[Loss]) -> None:
    """Check that a loss trains each sample's role.

    Raises:
        UsageError: A role has no loss.
    """
    trained = {role for loss in losses for role in loss.roles}
    for sample in samples:
        if sample.role not in trained:
            raise UsageError(
                f"no loss trains episode {sample.episode.id}, whose role is {sample.role!r}: add a "
                f"loss to losses whose roles hold it (they hold {', '.join(sorted(trained))})"
            )


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
