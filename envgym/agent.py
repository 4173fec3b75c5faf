"""Agent protocol: the interface between rollouts and whatever acts.

An agent with a `chat` works on token ids (local models, vLLM); one without works on messages
(remote APIs, oracles, people). The rollout is the same for both.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from envgym.errors import UsageError
from envgym.messages import Action, Message
from envgym.tools import ToolSpec

if TYPE_CHECKING:
    from envgym.chat.renderer import Chat
    from envgym.env import Env

Finish = Literal["stop", "length", "context", "quit"]
OF_AGENT = "agent/"
"""Prefix of the metrics that an episode's agent reports, not its environment."""


@dataclass(slots=True)
class Context:
    """Input of one action: the conversation, the tools and the token ids.

    Attributes:
        session: Name of one seat in one episode; key of an agent's cache until `Agent.end`.
        messages: The conversation so far, its own actions included.
        tools: Specifications of the callable tools.
        ids: Token ids of the whole context; empty for an agent without a chat.
        group: Name of the group; its episodes share their first context.
        seed: Sampling seed of this completion.
    """

    session: str
    messages: Sequence[Message]
    tools: Sequence[ToolSpec]
    ids: Sequence[int] = ()
    group: str = ""
    seed: int = 0


@dataclass(slots=True)
class Completion:
    """Output of one action: sampled ids, their log-probabilities, and the parsed or raw action.

    Attributes:
        ids: Sampled token ids, the end-of-turn token included; empty without a chat.
        logprobs: Log-probability per id under the sampling policy; empty when unknown.
        text: The action as text.
        finish: ``stop``; ``length`` (the turn's token limit); ``context`` (no room left); ``quit``
            (a person left: there is no action, the episode is cut here).
        version: The policy's version; where it changed on the way, the oldest of `versions`.
        action: Structured action, where the agent has one; otherwise `text` is parsed.
        guidance: Hints that an agent without a chat asked for before it acted; they are recorded
            behind the observation.
        metrics: Figures of this one action (tokens, cost); the episode's metrics hold their sums,
            under names that begin with ``agent/``.
        versions: The policy's version at each id; empty where all have `version`.

    Raises:
        UsageError: The number of `versions` is not that of the ids.
    """

    ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    text: str = ""
    finish: Finish = "stop"
    version: int = 0
    action: Action | None = None
    guidance: tuple[Message, ...] = ()
    metrics: dict[str, float] = field(default_factory=dict)
    versions: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.versions:
            return
        if len(self.versions) != len(self.ids):
            raise UsageError(
                f"{len(self.versions)} versions for {len(self.ids)} ids: give one per id, or "
                "`version` for all"
            )
        self.version = min(self.versions)


class Agent(ABC):
    """Base class of agents. Any number of episodes may call one agent concurrently."""

    chat: Chat | None = None

    @property
    def usage(self) -> dict[str, float]:
        """Total usage of the agent so far (requests, tokens, cost), for summaries."""
        return {}

    def join(self, callers: int) -> None:
        """Register `callers` concurrent episode workers; each calls `act` repeatedly until `leave`.

        An agent that acts in batches may wait for those that are away, so that its batches do not
        depend on how long a tool took.
        """

    def leave(self) -> None:
        """Unregister one of the callers that `join` registered."""

    async def start(self) -> None:
        """Check what the agent needs, before any work; safe to call twice.

        Raises:
            EnvgymError: It is not there, or does not fit.
        """

    async def begin(self, session: str, env: Env[Any]) -> None:
        """Prepare for an episode that was just reset; called before the session's first `act`."""

    @abstractmethod
    async def act(self, context: Context) -> Completion:
        """Choose the next action."""

    async def end(self, session: str) -> None:
        """Forget `session`: its episode is over."""

    async def close(self) -> None:
        """Release everything the agent holds; safe to call twice."""


class PolicyAgent(Agent):
    """Agent that samples from a policy in training: it takes the learner's weights.

    It gives ids, their log-probs and their versions with every completion.
    """

    @property
    @abstractmethod
    def version(self) -> int:
        """Version of the weights that it samples from."""

    @abstractmethod
    async def update_weights(self, version: int | None = None) -> None:
        """Take the learner's current weights, as the next version or as `version`."""

    @abstractmethod
    def with_temperature(self, temperature: float) -> Agent:
        """An agent on the same engine and weights that samples at another temperature; 0 is greedy.

        Closing it leaves this agent open.
        """

    async def free_memory(self) -> None:
        """Give back memory that only sampling needs, while the learner works."""

    @property
    def counters(self) -> dict[str, float]:
        """Numbers that grow as it works, by the metric that reports each step's share."""
        return {}


Agents = Agent | Mapping[str, Agent]
"""The agent of all seats, or one for each seat by name."""


class SeatedAgents:
    """Agents of an episode's seats, by the name of the seat."""

    def __init__(self, agents: Agents) -> None:
        self._agents = agents
        everyone = [agents] if isinstance(agents, Agent) else agents.values()
        self._distinct = list({id(agent): agent for agent in everyone}.values())

    def __getitem__(self, seat: str) -> Agent:
        if isinstance(self._agents, Agent):
            return self._agents
        if seat not in self._agents:
            known = ", ".join(sorted(self._agents))
            raise UsageError(f"no agent for seat {seat!r}: give it one (agents are for: {known})")
        return self._agents[seat]

    def join(self, callers: int) -> None:
        """Register concurrent episodes with every agent."""
        for agent in self._distinct:
            agent.join(callers)

    def leave(self) -> None:
        """Unregister one of them."""
        for agent in self._distinct:
            agent.leave()


def agents_by_seat(agents: Agents | SeatedAgents) -> SeatedAgents:
    """Agents in the form in which episodes look them up."""
    return agents if isinstance(agents, SeatedAgents) else SeatedAgents(agents)
