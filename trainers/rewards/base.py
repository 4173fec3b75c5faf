"""Interface of reward plug-ins: they add to samples' rewards and never change the raw score."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from envgym.chat.renderer import Chat
from envgym.trainers.collection.samples import Group, Sample
from envgym.trainers.plugin import Plugin


@dataclass(frozen=True)
class Probe:
    """Token ids whose log-probs a reward asks the policy for, after a context."""

    context: Sequence[int]
    target: Sequence[int]


class Reward(Plugin):
    """Plug-in that adds to samples' rewards, under its name. Several run in order.

    Attributes:
        charges: Whether it may subtract, so that rewards may fall below 0.
    """

    point: ClassVar[str] = "reward"
    charges: ClassVar[bool] = False

    def component_names(self) -> set[str]:
        """Names of the parts that it adds to `Sample.components`: its own alone, by default."""
        return {self.name}

    def probes(self, sample: Sample, chat: Chat) -> Sequence[Probe]:
        """Give token sequences to score under the policy, which `Sample.probes` then holds."""
        return ()

    @abstractmethod
    def __call__(self, groups: Sequence[Group]) -> None:
        """Add to each sample's reward by its `add_reward` methods."""
