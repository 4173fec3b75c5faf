"""Player: plays starts for whatever collects experience (guidance, self-play, trees).

A start can be played again: `Start.again` gives the next attempt its own id and sampling seeds,
with hints or from a prefix. The player also asks environments for hints on a failed attempt, and
agents for answers outside any episode.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence

from envgym.agent import Agent, Agents, Context
from envgym.agents.oracle import OracleAgent
from envgym.chat.renderer import Chat
from envgym.errors import Fault, UsageError, suggest
from envgym.messages import Action, Message
from envgym.rollout.hidden_text import find_whole, golds
from envgym.rollout.runner import Rollout, RolloutResult, Start
from envgym.trajectory import Episode
from envgym.utils.seeds import derive_seed


class Player:
    """Plays starts with a run's agents, in its environment.

    Args:
        rollout: Runner with its pool of environments.
        agents: The policy's agent, or one agent per seat.
        chat: The run's chat; `demonstrate` renders an oracle's actions with it.
        judges: Agents that guidance may ask, by name.

    Attributes:
        step: Number of the training steps done before the one that is being collected.
        sampled_tokens: Number of tokens that the policy sampled through the player, in all seats:
            in episodes, whatever becomes of them, and in answers outside any episode.
    """

    def __init__(
        self,
        rollout: Rollout,
        agents: Agents,
        chat: Chat | None = None,
        judges: Mapping[str, Agent] | None = None,
    ) -> None:
        self.rollout = rollout
        self.agents = agents
        self.chat = chat
        self.judges = judges or {}
        self.step = 0
        self.sampled_tokens = 0

    @property
    def policy(self) -> Agent:
        """The agent of the first seat."""
        return self.agents if isinstance(self.agents, Agent) else next(iter(self.agents.values()))

    def judge(self, name: str) -> Agent:
        """Find a judge by name.

        Raises:
            UsageError: There is none of that name.
        """
        if name not in self.judges:
            raise UsageError(
                f"no judge {name!r}: add it to the recipe's judges.{suggest(name, self.judges)}"
            )
        return self.judges[name]

    async def play(self, starts: Sequence[Start]) -> RolloutResult:
        """Play starts to their ends; the episodes keep their order.

        Raises:
            Fault: A budget is spent, or too many episodes failed.
        """
        result = await self._run(starts, self.agents)
        self.sampled_tokens += sampled_tokens(result.episodes)
        return result

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

    async def stream(
        self, groups: Iterable[Sequence[Start]], result: RolloutResult | None = None
    ) -> AsyncIterator[list[Episode]]:
        """Play groups of starts; yield each group once its last episode has ended."""
        async for episodes in self.rollout.stream(groups, self.agents, result):
            self.sampled_tokens += sampled_tokens(episodes)
            yield episodes

    async def ask(self, agent: Agent, questions: Mapping[str, Sequence[Message]]) -> dict[str, str]:
        """Ask an agent questions outside any episode, all at once; none of them offers tools.

        Args:
            questions: Messages by key. A key names the session and fixes the sampling seed.

        Returns:
            Answers by key, without reasoning. A question that the agent failed to answer is left
            out.

        Raises:
            Fault: A budget is spent.
        """

        async def answer(key: str, messages: Sequence[Message]) -> str | None:
            chat = agent.chat
            ids = [i for s in chat.begin(messages, ()) for i in s.ids] if chat else []
            try:
                said = await agent.act(Context(key, messages, (), ids, seed=derive_seed(key)))
                if agent is self.policy:
                    self.sampled_tokens += len(said.logprobs)
                return (said.action or Action(said.text)).content.strip()
            except Fault as fault:
                if fault.kind == "budget":
                    raise
                return None
            finally:
                agent.leave()
                await agent.end(key)

        agent.join(len(questions))
        asked = (answer(key, messages) for key, messages in questions.items())
        found: dict[str, str] = {}
        outcomes = await asyncio.gather(*asked, return_exceptions=True)
        for key, outcome in zip(questions, outcomes, strict=True):
            if isinstance(outcome, BaseException):
                raise outcome
            if outcome is not None:
                found[key] = outcome
        return found

    async def hints(self, attempt: Episode | Start) -> tuple[str, ...]:
        """Ask an environment for hints on an attempt or on a start's task, weakest first.

        Empty hints are left out.

        Raises:
            UsageError: A hint holds the gold answer.
        """
        hints = [hint for hint in await self.rollout.hints(attempt) if hint.strip()]
        env = attempt.env if isinstance(attempt, Episode) else "the environment"
        for number, hint in enumerate(hints, 1):
            for gold in find_whole(golds(attempt.task) if attempt.task else (), [hint]):
                raise UsageError(
                    f"hint {number} of {env} for the task of episode {attempt.id} holds "
                    f"the gold answer {gold[:80]!r} of task.hidden: let hints() say how to find "
                    "it, or blank it out of what the hint quotes"
                )
        return tuple(hints)

    __call__ = play
    """Guidance was once given a function in place of a player."""


def sampled_tokens(episodes: Iterable[Episode]) -> int:
    """Number of tokens that agents sampled in episodes, in all seats; demonstrations have none.

    Episodes that share a trajectory, such as one and its copy under another role, count once.
    """
    played = {id(t): t for episode in episodes for t in episode.trajectories.values()}
    return sum(len(turn.logprobs) for trajectory in played.values() for turn in trajectory.turns)
