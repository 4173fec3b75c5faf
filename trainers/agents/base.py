"""Interface of agent plug-ins: they build the agent that plays the policy, or another seat."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from transformers import PreTrainedModel

from envgym.agent import Agent
from envgym.chat.renderer import Chat
from envgym.trainers.config_sections import RolloutSection
from envgym.trainers.plugin import Plugin


class AgentPlugin(Plugin):
    """Plug-in that builds an agent.

    As a run's `agent` it builds a `PolicyAgent`, which takes the learner's weights; as the agent of
    a seat or as a judge, any `Agent`.
    """

    point: ClassVar[str] = "agent"

    @abstractmethod
    def build(self, model: PreTrainedModel, chat: Chat, rollout: RolloutSection) -> Agent:
        """Build the agent.

        Args:
            model: The policy's model, which the learner trains in place.
            chat: The run's chat.
            rollout: Settings of the run's rollouts: token limits, temperature, concurrency.
        """
