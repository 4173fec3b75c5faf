"""Learning from one sign of outcome: PSR, NSR and W-REINFORCE (arXiv 2506.01347 §3)."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from envgym.trainers.advantages.base import Advantage
from envgym.trainers.batch import Group
from envgym.trainers.credit import samples_of
from envgym.trainers.plugin import register


@register("w_reinforce")
class WReinforce(Advantage):
    """A_i = ``positive`` where R_i > ``threshold``, else ``negative``; samples of weight 0 skipped.

    Punishing what fails (NSR) keeps pass@k for large k, rewarding what succeeds (PSR) sharpens
    pass@1; a little of it (W-REINFORCE, 0.1) keeps both.

    Trap: no baseline and no normalisation; a mean of zero would undo the decomposition. What is
    not trained on must leave the token mean's denominator too: it is skipped, not given zeros.
    """

    name: str = "w_reinforce"
    threshold: float = Field(0.5, description="A reward above it is a success.")
    positive: float = Field(0.1, ge=0, description="Advantage of a success.")
    negative: float = Field(-1.0, le=0, description="Advantage of a failure.")

    def __call__(self, groups: Sequence[Group]) -> None:
        """Set every sample's advantage."""
        for sample in samples_of(groups):
            advantage = self.positive if sample.reward > self.threshold else self.negative
            sample.spread(advantage)
            sample.skip = advantage == 0


@register("psr")
class Psr(WReinforce):
    """Successes alone, at 1 (PSR). Trap: as W-REINFORCE's; and pass@k falls for large k."""

    name: str = "psr"
    positive: float = Field(1.0, ge=0, description="Advantage of a success.")
    negative: float = Field(0.0, le=0, description="Advantage of a failure.")


@register("nsr")
class Nsr(WReinforce):
    """Failures alone, at -1 (NSR). Trap: as W-REINFORCE's."""

    name: str = "nsr"
    positive: float = Field(0.0, ge=0, description="Advantage of a success.")
