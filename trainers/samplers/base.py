"""The sampler's interface: draw tasks, then look at what became of them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from envgym.task import Task
from envgym.trainers.batch import Group
from envgym.trainers.plugin import Plugin


class Sampler(Plugin):
    """Chooses tasks."""

    point: ClassVar[str] = "sampler"

    @abstractmethod
    def draw(self, source: Sequence[Task], count: int, seed: str) -> list[Task]:
        """`count` tasks; the same for the same seed and state."""

    def observe(self, groups: Sequence[Group]) -> None:
        """See the finished groups of a step."""
