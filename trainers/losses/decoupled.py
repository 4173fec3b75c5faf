"""PPO around a proximal policy, weighted for the behaviour policy.

Decoupled PPO (AReaL, arXiv 2505.24298 §5.2), TIS (fengyao.notion.site/off-policy-rl) and IcePop
(ringtech.notion.site/icepop) are one formula with different rules for large weights.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import AliasChoices, Field
from torch import Tensor

from envgym.trainers.losses.base import Loss, LossInputs, bounded_ratio, ratios
from envgym.trainers.losses.clip import clipped
from envgym.trainers.plugin import register


@register("decoupled")
class Decoupled(Loss):
    """-w · min(u·A, clip(u, 1 - low, 1 + high)·A), u = π / π_prox, w = sg(π_prox / π_behaviour).

    π_prox is the policy just before the step's first update. The loss clips old samples, and those
    of an engine with other arithmetic, around π_prox and not around the behaviour policy that
    sampled them. ``mask`` leaves out tokens whose w is outside [min_weight,
    max_weight]; ``truncate`` bounds w to it.

    Trap: a masked token stays in the denominator. The metric holds the raw w: truncated, it looks
    healthy.
    """

    improves: ClassVar[bool] = True
    needs: ClassVar[frozenset[str]] = frozenset({"prox_logp"})
    low: float = Field(0.2, gt=0, description="Lower clip range of the ratio u.")
    high: float = Field(0.2, gt=0, description="Upper clip range of the ratio u.")
    rule: Literal["mask", "truncate"] = Field(
        "mask", description="Rule for weights w outside their bounds: drop the token or bound w."
    )
    min_weight: float = Field(
        0.0,
        ge=0,
        validation_alias=AliasChoices("min_weight", "least"),
        description="Lower bound of the weight w, a ratio of probabilities.",
    )
    max_weight: float = Field(
        5.0,
        gt=0,
        validation_alias=AliasChoices("max_weight", "most"),
        description="Upper bound of the weight w, a ratio of probabilities.",
    )

    @property
    def bears_vanished_hints(self) -> bool:
        """Flag that no lower bound drops a token: u is around 1 after a hint too."""
        return self.min_weight == 0 or self.rule == "truncate"

    def __call__(self, inputs: LossInputs) -> tuple[Tensor, dict[str, Tensor]]:
        """Compute the weighted clipped surrogate."""
        _, metrics = ratios(inputs)
        prox = self.prox_logp(inputs)
        weight = bounded_ratio(prox - inputs.old_logp)
        ratio = bounded_ratio(inputs.logp - prox)
        gain, metrics["clipfrac"] = clipped(ratio, inputs.advantage, self.low, self.high)
        bounded = weight.clamp(self.min_weight, self.max_weight)
        inside = bounded == weight
        metrics |= {"sampler_weight": weight, "sampler_cut": (~inside).float()}
        return -(bounded if self.rule == "truncate" else weight.where(inside, 0.0)) * gain, metrics


@register("tis")
class Tis(Decoupled):
    """w = min(π_prox / π_behaviour, 2): truncated importance sampling. Trap: as decoupled PPO's."""

    rule: Literal["mask", "truncate"] = Field(
        "truncate",
        description="Rule for weights w outside their bounds: drop the token or bound w.",
    )
    max_weight: float = Field(
        2.0,
        gt=0,
        validation_alias=AliasChoices("max_weight", "most"),
        description="Upper bound of the weight w, a ratio of probabilities.",
    )


@register("icepop")
class IcePop(Decoupled):
    """w = π_prox / π_behaviour where it is in [0.5, 5], else 0. Trap: as decoupled PPO's."""

    min_weight: float = Field(
        0.5,
        ge=0,
        validation_alias=AliasChoices("min_weight", "least"),
        description="Lower bound of the weight w, a ratio of probabilities.",
    )
