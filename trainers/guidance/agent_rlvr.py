"""Attempt, feedback, fresh environment, guided retry (Agent-RLVR, arXiv 2506.11425)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from pydantic import Field

from envgym.rollout.runner import RolloutResult, Start
from envgym.trainers.collection.player import Player
from envgym.trainers.guidance.base import (
    Guidance,
    drops,
    failures,
    mark_demonstrations,
    missing_loss,
)
from envgym.trainers.guidance.reroll import guiding_message
from envgym.trainers.plugin import register


@register("agent_rlvr")
class AgentRlvr(Guidance):
    """All fail: each attempt y_i is retried as y'_i ~ π(· | x, feedback on y_i), from a reset.

    Retries that solve the task are demonstrations without the feedback: loss ``sft`` raises
    log π(y' | x). Failed retries are recorded (role ``failed_retry``) and not trained on. Feedback
    is the environment's hints on the attempt, the `most_hints` weakest.

    The source also trains on pairs of a guided success and a plain failure: derive ``pairs`` with
    loss ``dpo``.

    Trap: a retry starts in a fresh environment, never in the state that the attempt left. Guided
    and plain attempts share no baseline: the guided ones would take all the advantage.
    """

    asks: ClassVar[frozenset[str]] = frozenset({"hints"})
    untrained: ClassVar[frozenset[str]] = frozenset({"failed_retry"})
    max_failed_score: float = Field(
        0.0, ge=0, lt=1, description="Highest raw score that counts as a failure, in [0, 1]."
    )
    min_score: float = Field(
        1.0, gt=0, le=1, description="Lowest raw score of a retry that is a demonstration."
    )
    most_hints: int = Field(2, ge=1, description="Maximum number of hints in the feedback.")

    async def play(self, starts: Sequence[Start], player: Player) -> RolloutResult:
        """Play every start; retry all attempts of failed groups, each with its own feedback."""
        result = await player.play(starts)
        by_id = {start.id: start for start in starts}
        again = []
        for _, attempts in failures(starts, result.episodes, self.max_failed_score):
            for attempt in attempts:
                if hints := (await player.hints(attempt))[: self.most_hints]:
                    told = (guiding_message(hints, vanish=True),)
                    again.append(
                        by_id[attempt.id].again(
                            guidance=told, role="failed_retry", guided_by=self.name
                        )
                    )
        if again:
            retries = await player.play(again)
            mark_demonstrations(retries.episodes, self.min_score)
            result.add(retries)
        return result

    def conflict(self, config: Any) -> str | None:
        """Report that no loss imitates the demonstrations, or that dynamic sampling drops them."""
        return missing_loss(config, "demonstration", "add {name: sft} to losses") or drops(config)
