"""Agents that sample from a model in the trainer's process."""

from __future__ import annotations

import copy

from transformers import PreTrainedModel

from envgym.agents.local import LocalAgent, SamplingParams
from envgym.chat.renderer import Chat
from envgym.trainers.agents.base import AgentPlugin
from envgym.trainers.config_sections import RolloutSection
from envgym.trainers.plugin import register


@register("local")
class Local(AgentPlugin):
    """Agent that samples from the learner's own weights, shared without a copy."""

    def build(self, model: PreTrainedModel, chat: Chat, rollout: RolloutSection) -> LocalAgent:
        """Build the agent on the model itself."""
        params = SamplingParams(
            max_tokens=rollout.max_tokens_per_turn, temperature=rollout.temperature
        )
        return LocalAgent(
            model,
            chat,
            params,
            max_rows=rollout.concurrency,
            max_context=rollout.max_context,
            patience_s=rollout.batch_wait_s,
            deterministic=rollout.deterministic,
        )


@register("frozen")
class Frozen(Local):
    """Agent that samples from a copy of the policy as it was when the run was built.

    Trap: the copy is made before a warm start.
    """

    def build(self, model: PreTrainedModel, chat: Chat, rollout: RolloutSection) -> LocalAgent:
        """Build the agent on a copy of the model."""
        return super().build(copy.deepcopy(model).requires_grad_(False), chat, rollout)
