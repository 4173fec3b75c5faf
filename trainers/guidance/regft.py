"""Demonstrations from partial references, with the hints removed (ReGFT, arXiv 2603.01223)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean
from typing import Any, ClassVar

from pydantic import Field

from envgym.rollout.runner import RolloutResult, Start
from envgym.trainers.collection.player import Player
from envgym.trainers.guidance.base import (
    Guidance,
    by_group,
    drops,
    mark_demonstrations,
    missing_loss,
)
from envgym.trainers.guidance.reroll import guiding_message
from envgym.trainers.plugin import register


@register("regft")
class Regft(Guidance):
    """Mean score below 0.25: y ~ π(· | x, the first ⌈0.8 n⌉ of n hints); loss -log π(y | x).

    A group of low mean is played once more with most of the reference in view. Retries that solve
    the task are demonstrations without the hints, and so are copies of the group's plain successes
    (guide ``regft:plain``): hints and plain sampling solve different tasks. Failed retries are
    recorded (role ``failed_retry``) and not trained on.

    The source has two stages: it collects these demonstrations from the base model, 16 samples a
    task, and fine-tunes on them; then it runs DAPO from there. Here both go on in one run;
    `until_step` ends the first. Its reference is a solution's text, here the environment's hints.

    Trap: the policy imitates its own solutions, never the reference's text. Easy tasks are left
    alone: imitation of what the policy can do takes its entropy.
    """

    asks: ClassVar[frozenset[str]] = frozenset({"hints"})
    untrained: ClassVar[frozenset[str]] = frozenset({"failed_retry"})
    max_mean_score: float = Field(
        0.25, gt=0, le=1, description="Mean raw score of a group below which it is played again."
    )
    share: float = Field(0.8, gt=0, le=1, description="Share of the hints to show, weakest first.")
    min_score: float = Field(
        1.0, gt=0, le=1, description="Lowest raw score of an episode that is a demonstration."
    )
    until_step: int | None = Field(
        None, ge=0, description="Number of first steps with demonstrations; null is all of them."
    )

    async def play(self, starts: Sequence[Start], player: Player) -> RolloutResult:
        """Play every start; add demonstrations of groups with a low mean score."""
        result = await player.play(starts)
        if self.until_step is not None and player.step >= self.until_step:
            return result
        again, plain = [], []
        for members, attempts in by_group(starts, result.episodes):
            if fmean(attempt.score for attempt in attempts) >= self.max_mean_score:
                continue
            hints = await player.hints(min(attempts, key=lambda attempt: attempt.score))
            if shown := hints[: math.ceil(self.share * len(hints))]:
                told = (guiding_message(shown, vanish=True),)
                for start in members:
                    again.append(
                        start.again(guidance=told, role="failed_retry", guided_by=self.name)
                    )
            plain += [attempt for attempt in attempts if attempt.score >= self.min_score]
        result.episodes += [
            replace(e, id=f"{e.id}:plain", role="demonstration", guided_by=f"{self.name}:plain")
            for e in plain
        ]
        if again:
            retries = await player.play(again)
            mark_demonstrations(retries.episodes, self.min_score)
            result.add(retries)
        return result

    def conflict(self, config: Any) -> str | None:
        """Report that no loss imitates the demonstrations, or that dynamic sampling drops them."""
        return missing_loss(config, "demonstration", "add {name: sft} to losses") or drops(config)
