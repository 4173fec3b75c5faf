"""Player: plays starts for whatever collects experience (guidance, self-play, trees).

A start can be played again: `Start.again` gives the next attempt its own id and sampling seeds,
with hints or from a prefix. The player also asks environments for hints on a failed attempt.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence

from envgym.agent import Agents
from envgym.errors import Fault
from envgym.rollout.runner import Rollout, RolloutResult, Start
from envgym.trajectory import Episode


class Player:
    """Plays starts with a run's agents, in its environment.

    Args:
        rollout: Runner with its pool of environments.
        agents: The policy's agent, or one agent per seat.
    """

    def __init__(self, rollout: Rollout, agents: Agents) -> None:
        self.rollout = rollout
        self.agents = agents

    async def play(self, starts: Sequence[Start]) -> RolloutResult:
        """Play starts to their ends; the episodes keep their order.

        Raises:
            Fault: A budget is spent, or too many episodes failed.
        """
        result = await self.rollout.run(starts, self.agents)
        if result.stopped:
            raise Fault(result.stopped, "budget")
        return result

    def stream(
        self, groups: Iterable[Sequence[Start]], result: RolloutResult | None = None
    ) -> AsyncIterator[list[Episode]]:
        """Play groups of starts; yield each group once its last episode has ended."""
        return self.rollout.stream(groups, self.agents, result)

    async def hints(self, attempt: Episode) -> tuple[str, ...]:
        """Ask an environment for hints on an attempt's task, weakest first."""
        return await self.rollout.hints(attempt)

    __call__ = play
    """Guidance was once given a function in place of a player."""
