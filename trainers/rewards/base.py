"""The reward's interface: change `Sample.reward`; the raw score is never touched."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from envgym.trainers.batch import Group
from envgym.trainers.plugin import Plugin


class Reward(Plugin):
    """Adds its part to the samples' rewards. Several run one after another."""

    point: ClassVar[str] = "reward"

    @abstractmethod
    def __call__(self, groups: Sequence[Group]) -> None:
        """Add to each sample's reward."""
