"""Base of methods that play a failed group again, with more hints each time."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from pydantic import Field

from envgym.messages import Message
from envgym.rollout.runner import RolloutResult, Start
from envgym.trainers.collection.player import Player
from envgym.trainers.guidance.base import Guidance, failures, missing_loss
from envgym.trajectory import Episode


class Reroll(Guidance):
    """Re-roll: a group all of whose members fail is played again, with hints of its task.

    While all members still fail, the next level of hints follows. Each level is a group of its own,
    in which members share their context: its episodes have the role ``guided`` and never meet the
    plain ones in a baseline.
    """

    asks: ClassVar[frozenset[str]] = frozenset({"hints"})
    max_failed_score: float = Field(
        0.0, ge=0, lt=1, description="Highest raw score that counts as a failure, in [0, 1]."
    )
    vanish: bool = Field(
        True,
        description="Whether the loss leaves the hints out of the context, so that the policy "
        "learns to act without them; false keeps them, on-policy.",
    )

    @abstractmethod
    def levels(self, hints: Sequence[str], step: int) -> list[Sequence[str]]:
        """Choose the hints of each level, weakest level first; none for no re-roll.

        Args:
            hints: All hints on the task, weakest first.
            step: Number of training steps done.
        """

    async def play(self, starts: Sequence[Start], player: Player) -> RolloutResult:
        """Play every start; play failed groups again while a level of hints is left."""
        result = await player.play(starts)
        failed = list(failures(starts, result.episodes, self.max_failed_score))
        asked = await self.hints(failed, player, result)
        levels = {name: self.levels(hints, player.step) for name, hints in asked.items()}
        for number in range(max(map(len, levels.values()), default=0)):
            again = [
                start.again(
                    guidance=(guiding_message(levels[start.group][number], self.vanish),),
                    role="guided",
                    guided_by=f"{self.name}:{number + 1}",
                )
                for members, _ in failed
                for start in members
                if number < len(levels[start.group])
            ]
            if not again:
                break
            played = await player.play(again)
            result.add(played)
            failed = list(failures(again, played.episodes, self.max_failed_score))
        return result

    async def hints(
        self,
        failed: Sequence[tuple[list[Start], list[Episode]]],
        player: Player,
        result: RolloutResult,
    ) -> dict[str, Sequence[str]]:
        """Ask for the hints of failed groups, by name: the environment's on the first attempt.

        Args:
            result: Receives counts for the step's metrics.
        """
        return {starts[0].group: await player.hints(members[0]) for starts, members in failed}

    def conflict(self, config: Any) -> str | None:
        """Report a loss that cannot learn from the guided episodes."""
        missing = missing_loss(config, "guided", "add guided to the roles of one of losses")
        return missing or (unbearable(config, "guided") if self.vanish else None)


def guiding_message(hints: Sequence[str], vanish: bool) -> Message:
    """Make the message that shows hints; the loss sees it unless it vanishes."""
    return Message("user", "\n".join(hints), "hint" if vanish else "shown")


def unbearable(config: Any, role: str) -> str | None:
    """Report a loss that follows advantages and loses the gradient of hinted tokens."""
    for loss in config.losses:
        if loss.improves and role in loss.roles and not loss.bears_vanished_hints:
            return (
                f"its hints vanish from the context of the loss, so that ratios of {role} tokens "
                f"begin far below 1, where loss {loss.name!r} clips their gradient away: take loss "
                "guide (or decoupled, cispo) for them, or vanish: false"
            )
    return None
