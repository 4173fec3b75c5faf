"""Idle agent: the worst agent possible, for attempts that have to fail."""

from __future__ import annotations

from envgym.agent import Agent, Completion, Context
from envgym.checker.malformed_actions import NOTHING


class Idle(Agent):
    """Agent that answers every context with an empty message."""

    async def act(self, context: Context) -> Completion:
        """Return an empty completion."""
        return Completion(action=NOTHING)
