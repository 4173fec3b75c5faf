"""Interface of guidance plug-ins: they play a step's starts, with hints or without."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from envgym.rollout.runner import RolloutResult, Start
from envgym.trainers.collection.player import Player
from envgym.trainers.plugin import Plugin


class Guidance(Plugin):
    """Plug-in that plays a step's starts, once or again with hints after a low raw score."""

    point: ClassVar[str] = "guidance"

    @abstractmethod
    async def play(self, starts: Sequence[Start], player: Player) -> RolloutResult:
        """Play `starts`; a method may add, repeat or replace episodes.

        An episode played with hints has the role ``guided`` and says what guided it: see
        `Start.again`.
        """
