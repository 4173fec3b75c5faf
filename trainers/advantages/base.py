"""The advantage's interface: set `Sample.advantages`, turn by turn, before rows exist."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from envgym.trainers.batch import Group
from envgym.trainers.plugin import Plugin


class Advantage(Plugin):
    """Credits action tokens. Groups hold each episode once, however many rows it will have."""

    point: ClassVar[str] = "advantage"

    @abstractmethod
    def __call__(self, groups: Sequence[Group]) -> None:
        """Set the advantages of every sample."""
