"""An agent that does nothing: the worst one there is, for attempts that have to fail."""

from __future__ import annotations

from envgym.agent import Agent, Completion, Context
from envgym.checker.malformed_actions import NOTHING


class Idle(Agent):
    """Answers every context with an empty message."""

    async def act(self, context: Context) -> Completion:
        """Nothing."""
        return Completion(action=NOTHING)
