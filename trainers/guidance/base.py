"""The interface of guidance: it wraps the playing of a step's groups."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar

from envgym.rollout.runner import RolloutResult, Start
from envgym.trainers.plugin import Plugin

Play = Callable[[Sequence[Start]], Awaitable[RolloutResult]]


class Guidance(Plugin):
    """Plays starts, perhaps again with hints where the raw score says they failed."""

    point: ClassVar[str] = "guidance"

    @abstractmethod
    async def play(self, starts: Sequence[Start], play: Play) -> RolloutResult:
        """Play `starts` by `play`; add, repeat or replace episodes as the method has it."""
