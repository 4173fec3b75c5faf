"""Learning from one sign of outcome: PSR, NSR and W-REINFORCE (arXiv 2506.01347 §3.1, §5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from pydantic import Field

from envgym.trainers.advantages.base import Advantage
from envgym.trainers.advantages.credit import samples_of
from envgym.trainers.collection.samples import Group
from envgym.trainers.plugin import register


@register("w_reinforce")
class WReinforce(Advantage):
    """A_i = ``positive`` where the score > ``threshold``, else ``negative``; weight 0 is skipped.

    Punishing failures (NSR) keeps pass@k for large k, rewarding successes (PSR) sharpens pass@1; a
    small weight on successes (W-REINFORCE, 0.1) keeps both.

    The verifier's score decides success, not the shaped reward (a penalty for length, say).

    Trap: no baseline and no normalisation; a mean of zero would undo the decomposition. Samples
    of weight 0 must leave the token mean's denominator too: skip them, do not give them zeros.
    """

    returns_to_go: ClassVar[bool] = False
    threshold: float = Field(
        0.5, ge=0, lt=1, description="Score above which an episode is a success."
    )
    positive: float = Field(0.1, ge=0, description="Advantage of a success.")
    negative: float = Field(-1.0, le=0, description="Advantage of a failure.")

    def conflict(self, config: Any) -> str | None:
        """Report dynamic sampling: it drops the groups that all failed, the most useful here."""
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
            sample.set_advantage(advantage)
            sample.skip = advantage == 0


@register("psr")
class Psr(WReinforce):
    """A_i = 1 on successes, failures skipped (PSR).

    Trap: W-REINFORCE's; and pass@k falls for large k.
    """

    positive: float = Field(1.0, ge=0, description="Advantage of a success.")
    negative: float = Field(0.0, le=0, description="Advantage of a failure.")


@register("nsr")
class Nsr(WReinforce):
    """A_i = -1 on failures, successes skipped (NSR).

    Trap: W-REINFORCE's; and where nearly all fail, or over very many updates, the policy unlearns
    the form of messages with the rest (the authors warn of long training).
    """

    positive: float = Field(0.0, ge=0, description="Advantage of a success.")
