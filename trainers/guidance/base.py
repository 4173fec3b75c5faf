"""Interface of guidance plug-ins: they wrap the playing of a step's groups."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar

from envgym.rollout.runner import RolloutResult, Start
from envgym.trainers.plugin import Plugin

Play = Callable[[Sequence[Start]], Awaitable[RolloutResult]]


class Guidance(Plugin):
    """Plug-in that plays a step's starts, once or again with hints after a low raw score."""

    point: ClassVar[str] = "guidance"

    @abstractmethod
    async def play(self, starts: Sequence[Start], play: Play) -> RolloutResult:
        """Play `starts` by `play`; a method may add, repeat or replace episodes."""
