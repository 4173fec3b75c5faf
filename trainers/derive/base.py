"""Interface of derive plug-ins: they make samples from samples, between play and reward.

A method that learns from a critique, a repaired answer or a distilled turn puts its own samples
beside those that were played, under a role of their own.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from envgym.agent import Agent
from envgym.chat.renderer import Chat
from envgym.trainers.collection.samples import Group, Parts, Sample
from envgym.trainers.learner.rescoring import Scorer
from envgym.trainers.plugin import Plugin


@dataclass(frozen=True)
class Tools:
    """Models and agents that a plug-in may ask while it makes samples.

    Attributes:
        chat: The run's chat, which renders and reads tokens.
        scorer: Models that score tokens.
        policy: Agent that samples from the policy.
        judges: Agents of the recipe's `judges`, by name.
    """

    chat: Chat
    scorer: Scorer
    policy: Agent
    judges: Mapping[str, Agent]

    def logps(self, samples: Sequence[Sample]) -> list[Parts]:
        """Log-probs of samples under the policy as it is now: for each one array per turn."""
        return self.scorer.score("prox_logp", samples)


class Derive(Plugin):
    """Plug-in that makes samples from a step's groups. Several run in order."""

    point: ClassVar[str] = "derive"

    @abstractmethod
    async def __call__(self, groups: list[Group], tools: Tools) -> list[Group]:
        """Return the groups to reward and to train on, old and new.

        A new sample takes an episode with a role that one of the recipe's losses trains.
        """

    def report(self) -> dict[str, float]:
        """Metrics of the last call, named ``derive/…``."""
        return {}
