"""Player: plays starts for whatever collects experience (guidance, self-play, trees).

A start can be played again: `Start.again` gives the next attempt its own id and sampling seeds,
with hints or from a prefix. The player also asks environments for hints on a failed attempt.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence

from envgym.agent import Agents
from envgym.agents.oracle import OracleAgent
from envgym.chat.renderer import Chat
from envgym.errors import Fault, UsageError
from envgym.rollout.hidden_text import find_whole, golds
from envgym.rollout.runner import Rollout, RolloutResult, Start
from envgym.trajectory import Episode


class Player:
    """Plays starts with a run's agents, in its environment.

    Args:
        rollout: Runner with its pool of environments.
        agents: The policy's agent, or one agent per seat.
        chat: The run's chat; `demonstrate` renders an oracle's actions with it.

    Attributes:
        step: Number of the training steps done before the one that is being collected.
    """

    def __init__(self, rollout: Rollout, agents: Agents, chat: Chat | None = None) -> None:
        self.rollout = rollout
        self.agents = agents
        self.chat = chat
        self.step = 0

    async def play(self, starts: Sequence[Start]) -> RolloutResult:
        """Play starts to their ends; the episodes keep their order.

        Raises:
            Fault: A budget is spent, or too many episodes failed.
        """
        return await self._run(starts, self.agents)

    async def demonstrate(self, starts: Sequence[Start]) -> RolloutResult:
        """Play starts with the environment's oracle, in the tokens of the run's chat.

        Raises:
            Fault: Too many episodes failed.
            UsageError: The environment has no oracle.
        """
        return await self._run(starts, OracleAgent(self.chat))

    async def _run(self, starts: Sequence[Start], agents: Agents) -> RolloutResult:
        result = await self.rollout.run(starts, agents)
        if result.stopped:
            raise Fault(result.stopped, "budget")
        return result

    def stream(
        self, groups: Iterable[Sequence[Start]], result: RolloutResult | None = None
    ) -> AsyncIterator[list[Episode]]:
        """Play groups of starts; yield each group once its last episode has ended."""
        return self.rollout.stream(groups, self.agents, result)

    async def hints(self, attempt: Episode) -> tuple[str, ...]:
        """Ask an environment for hints on an attempt's task, weakest first; empty ones left out.

        Raises:
            UsageError: A hint holds the gold answer.
        """
        hints = [hint for hint in await self.rollout.hints(attempt) if hint.strip()]
        for number, hint in enumerate(hints, 1):
            for gold in find_whole(golds(attempt.task), [hint]):
                raise UsageError(
                    f"hint {number} of {attempt.env} for the task of episode {attempt.id} holds "
                    f"the gold answer {gold[:80]!r} of task.hidden: let hints() say how to find "
                    "it, or blank it out of what the hint quotes"
                )
        return tuple(hints)

    __call__ = play
    """Guidance was once given a function in place of a player."""
