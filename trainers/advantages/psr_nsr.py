"""Learning from one sign of outcome: PSR, NSR and W-REINFORCE (arXiv 2506.01347 §3.1, §5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from envgym.trainers.advantages.base import Advantage
from envgym.trainers.advantages.credit import samples_of
from envgym.trainers.collection.samples import Group
from envgym.trainers.plugin import register


@register("w_reinforce")
class WReinforce(Advantage):
    """A_i = ``positive`` where the score > ``threshold``, else ``negative``; weight 0 is skipped.

    Punishing what fails (NSR) keeps pass@k for large k, rewarding what succeeds (PSR) sharpens
    pass@1; a little of it (W-REINFORCE, 0.1) keeps both.

    Success is the verifier's word: shaping (a long answer's charge) makes no failure of it.

    Trap: no baseline and no normalisation; a mean of zero would undo the decomposition. What is
    not trained on must leave the token mean's denominator too: it is skipped, not given zeros.
    """

    name: str = "w_reinforce"
    threshold: float = Field(0.5, ge=0, lt=1, description="A score above it is a success.")
    positive: float = Field(0.1, ge=0, description="Advantage of a success.")
    negative: float = Field(-1.0, le=0, description="Advantage of a failure.")

    def conflict(self, config: Any) -> str | None:
        """Dynamic sampling: it drops the groups that all failed, which teach most here."""
        if config.rollout.dynamic_rounds > 1:
            return (
                "it learns from groups whose rewards are all equal, which dynamic sampling drops: "
                "set rollout.dynamic_rounds to 1"
            )
        return super().conflict(config)

    def __call__(self, groups: Sequence[Group]) -> None:
        """Set every sample's advantage."""
        for sample in samples_of(groups):
            advantage = self.positive if sample.episode.score > self.threshold else self.negative
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
    """Failures alone, at -1 (NSR).

    Trap: as W-REINFORCE's; and where nearly all fail, or over very many updates, the form of the
    messages is unlearnt with the rest (its authors warn of long training).
    """

    name: str = "nsr"
    positive: float = Field(0.0, ge=0, description="Advantage of a success.")
