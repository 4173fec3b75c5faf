"""Guidance of your own: failed episodes are played again, with the environment's first hint.

In this folder, ``envgym train custom_advantage.yaml guidance=custom_guidance:Retry losses=[guide]``
runs it. The hint is dropped from the context that the loss sees, so that the policy learns to act
without it; the loss ``guide`` does not clip the tokens that the hint made likely.
"""

from __future__ import annotations

from collections.abc import Sequence

from envgym.messages import hint
from envgym.rollout.runner import RolloutResult, Start
from envgym.trainers.collection.player import Player
from envgym.trainers.guidance import Guidance


class Retry(Guidance):
    """Play every start once, and those that scored less than 1 again with a hint."""

    async def play(self, starts: Sequence[Start], player: Player) -> RolloutResult:
        """Play the starts; guided episodes form groups of their own beside them."""
        result = await player.play(starts)
        by_id = {start.id: start for start in starts}
        again = []
        for failed in (episode for episode in result.episodes if episode.score < 1):
            if hints := await player.hints(failed):
                start = by_id[failed.id]
                again.append(
                    start.again(guidance=(hint(hints[0]),), role="guided", guided_by="hint 1")
                )
        if again:
            result.add(await player.play(again))
        return result
