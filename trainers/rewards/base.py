"""Interface of reward plug-ins: they add to samples' rewards and never change the raw score."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from envgym.trainers.collection.samples import Group
from envgym.trainers.plugin import Plugin


class Reward(Plugin):
    """Plug-in that adds to samples' rewards, under its name. Several run in order.

    Attributes:
        needs_reference: Whether it reads `Sample.ref_logp`.
        charges: Whether it may subtract, so that rewards may fall below 0.
    """

    point: ClassVar[str] = "reward"
    needs_reference: ClassVar[bool] = False
    charges: ClassVar[bool] = False

    def component_names(self) -> set[str]:
        """Names of the parts that it adds to `Sample.components`: its own alone, by default."""
        return {self.name}

    @abstractmethod
    def __call__(self, groups: Sequence[Group]) -> None:
        """Add to each sample's reward by its `add_reward` methods."""
