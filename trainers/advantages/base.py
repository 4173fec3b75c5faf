"""The advantage's interface: set `Sample.advantages`, turn by turn, before rows exist."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from envgym.trainers.batch import Group
from envgym.trainers.plugin import Plugin


class Advantage(Plugin):
    """Credits action tokens. Groups hold each episode once, however many rows it will have.

    Attributes:
        needs_values: Whether it reads `Sample.values`, and sets `Sample.returns`.
    """

    point: ClassVar[str] = "advantage"
    needs_values: ClassVar[bool] = False

    @abstractmethod
    def __call__(self, groups: Sequence[Group]) -> None:
        """Set the advantages of every sample."""
