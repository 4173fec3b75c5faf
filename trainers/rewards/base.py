"""The reward's interface: pay samples for what they did; the raw score is never touched."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from envgym.trainers.collection.samples import Group
from envgym.trainers.plugin import Plugin


class Reward(Plugin):
    """Pays samples, each plug-in under its name. Several run one after another.

    Attributes:
        needs_reference: Whether it reads `Sample.ref_logp`.
        charges: Whether it may take away, so that rewards may fall below 0.
    """

    point: ClassVar[str] = "reward"
    needs_reference: ClassVar[bool] = False
    charges: ClassVar[bool] = False

    @abstractmethod
    def __call__(self, groups: Sequence[Group]) -> None:
        """Add to each sample's reward by its `pay` methods."""
