"""No guidance: every episode is the policy's own."""

from __future__ import annotations

from collections.abc import Sequence

from envgym.rollout.runner import RolloutResult, Start
from envgym.trainers.collection.player import Player
from envgym.trainers.guidance.base import Guidance
from envgym.trainers.plugin import register


@register("none")
class NoGuidance(Guidance):
    """Guidance without hints: plays every start once."""

    async def play(self, starts: Sequence[Start], player: Player) -> RolloutResult:
        """Play every start once."""
        return await player.play(starts)
