"""Samples: one trajectory each, with its rewards, advantages and per-token data, in groups.

Advantages are computed on samples and turns before these are cut into rows, so that the layout of
rows changes no number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, overload

import numpy as np
from numpy.typing import NDArray

from envgym.messages import Kind
from envgym.trajectory import POLICY, Episode, Row, Trajectory, rows

Group = list["Sample"]
Parts = list[NDArray[np.float32]]
"""One float32 array [tokens of the action], or [tokens of the action, numbers], per turn."""
GUIDANCE: tuple[Kind, ...] = ("hint",)
"""Kinds of context that the sampler saw and the loss does not."""


class TokenData:
    """Attribute of a `Sample` that is kept in `Sample.token_data` under its name.

    It is None where nothing was computed. A plug-in's own data needs no attribute.
    """

    def __set_name__(self, owner: type[Sample], name: str) -> None:
        self.name = name

    @overload
    def __get__(self, sample: None, owner: type[Sample]) -> TokenData: ...
    @overload
    def __get__(self, sample: Sample, owner: type[Sample]) -> Parts | None: ...
    def __get__(self, sample: Sample | None, owner: type[Sample]) -> TokenData | Parts | None:
        return self if sample is None else sample.token_data.get(self.name)

    def __set__(self, sample: Sample, parts: Parts) -> None:
        sample.token_data[self.name] = parts


@dataclass
class Sample:
    """One trajectory with its rewards, advantages and per-token data.

    Attributes:
        episode, trajectory: What was played, and the seat's part in it.
        reward: Total reward to train on; reward plug-ins add to it by the `add_reward` methods.
        probes: Log-probs that the current reward plug-in asked for, one array per probe.
        turn_rewards: Part of the reward earned per turn, one number per turn; empty for none. The
            rest, neither here nor in `token_rewards`, belongs to the last turn.
        token_rewards: Part of the reward per action token, one float64 array per turn; empty for
            none.
        components: Parts of the reward by the name of the plug-in that added them.
        role: Role of the trajectory, which decides the losses that train it; the episode's unless
            given.
        skip: Whether batch and denominator leave the sample out; advantages that train on a part of
            the samples set it.
        pair: Id of the preference pair that the sample is one side of, by its role: ``chosen`` or
            ``rejected``; empty for none.
        token_data: Numbers of the action tokens by name, in the target context (hints left out):
            one float32 array [tokens of the action] per turn. `trainers.learner.rescoring`
            computes those that plug-ins need; a plug-in may add its own.
        advantages: Advantage of each action token, in the same shape; the advantage plug-in sets
            it.
        returns: Targets of the critic, in the same shape; NaN where a token has no target.
            Advantages that need values set it; else it is empty.
        prox_logp, ref_logp: Log-probs just before the step's first update, and under the frozen
            reference.
        norms: Squared norm of each action token's score, the gradient of its log-prob by the
            logits: 1 - 2π + Σπ².
        value: The critic's value of the state before each action token.
    """

    episode: Episode
    trajectory: Trajectory
    reward: float = 0.0
    advantages: Parts = field(default_factory=list)
    role: str = ""
    turn_rewards: list[float] = field(default_factory=list)
    token_rewards: list[NDArray[np.float64]] = field(default_factory=list)
    components: dict[str, float] = field(default_factory=dict)
    skip: bool = False
    returns: Parts = field(default_factory=list)
    token_data: dict[str, Parts] = field(default_factory=dict)
    probes: Parts = field(default_factory=list)
    pair: str = ""

    prox_logp = TokenData()
    ref_logp = TokenData()
    norms = TokenData()
    value = TokenData()

    def __post_init__(self) -> None:
        self.role = self.role or self.episode.role
        self._rows: list[Row] | None = None

    @property
    def rows(self) -> list[Row]:
        """Rows of the target context: hints, which only the sampler saw, are left out.

        They are compiled once. A trajectory that changes needs a new sample.
        """
        if self._rows is None:
            self._rows = rows(self.trajectory, drop=GUIDANCE)
        return self._rows

    def column(self, name: str) -> Parts | None:
        """Token data, advantages or returns by name; None where there is none."""
        return getattr(self, name, None) or self.token_data.get(name)

    @property
    def hinted(self) -> bool:
        """Flag that the sampler saw a hint that the loss does not see."""
        turns = self.trajectory.turns
        return any(span.kind in GUIDANCE for turn in turns for span in turn.context)

    @property
    def truncated(self) -> bool:
        """Flag that a limit on tokens cut the trajectory."""
        return self.trajectory.turns[-1].cut

    @property
    def tokens(self) -> int:
        """Number of action tokens."""
        return self.trajectory.action_tokens

    def add_reward(self, name: str, amount: float) -> None:
        """Add an amount to the reward, on the last turn.

        Args:
            name: Name of the part in `components`.
        """
        self.reward += amount
        self.components[name] = self.components.get(name, 0.0) + amount

    def add_reward_turns(self, name: str, amounts: Sequence[float]) -> None:
        """Add to the reward one amount per turn."""
        before = self.turn_rewards or [0.0] * len(amounts)
        self.turn_rewards = [b + float(a) for b, a in zip(before, amounts, strict=True)]
        self.add_reward(name, float(sum(amounts)))

    def add_reward_tokens(self, name: str, amounts: Sequence[NDArray[np.float64]]) -> None:
        """Add to the reward one amount per action token: one array per turn."""
        before = self.token_rewards or [np.zeros(len(a)) for a in amounts]
        self.token_rewards = [b + a for b, a in zip(before, amounts, strict=True)]
        self.add_reward(name, float(sum(a.sum() for a in amounts)))

    def set_advantage(self, advantage: float) -> None:
        """Give every action token the same advantage."""
        self.advantages = [
            np.full(len(turn.action), advantage, np.float32) for turn in self.trajectory.turns
        ]

    pay, pay_turns, pay_tokens = add_reward, add_reward_turns, add_reward_tokens
    spread = set_advantage
    """Former names of these methods, for one release."""

    def record_advantages(self) -> None:
        """Copy the advantages into the turns, so that they are stored with the episode."""
        for turn, advantage in zip(self.trajectory.turns, self.advantages, strict=False):
            turn.advantages = advantage.tolist()

    def record_target_logprobs(self) -> None:
        """Copy `prox_logp` into the turns, where a hint vanished from the loss's context.

        Without such a hint both contexts are one, and the recorded log-probs say it all.
        """
        turns = self.trajectory.turns
        if not any(span.kind in GUIDANCE for turn in turns for span in turn.context):
            return
        for turn, logps in zip(turns, self.prox_logp or [], strict=False):
            turn.target_logprobs = logps.tolist()


def differs(group: Group, by: Literal["reward", "score"]) -> bool:
    """Return whether the members' rewards (as the environment gave them), or scores, differ.

    Values that are equal up to rounding do not: 0.1 + 0.2 and 0.3 give no advantage either.
    """
    values = [s.trajectory.reward if by == "reward" else s.episode.score for s in group]
    return not math.isclose(min(values), max(values), rel_tol=1e-9)


def as_groups(episodes: Sequence[Episode], untrained: frozenset[str] = frozenset()) -> list[Group]:
    """Samples by group, in order.

    Each seat's trajectories form groups of their own, as do those of each role and guide: they
    started from other contexts, and share no baseline.

    Args:
        untrained: Seats to leave out.
    """
    groups: dict[tuple[str, str, str, str], Group] = {}
    for episode in episodes:
        for seat, trajectory in episode.trajectories.items():
            if trajectory.turns and seat not in untrained:
                key = (episode.group, seat, episode.role, episode.guided_by)
                groups.setdefault(key, []).append(Sample(episode, trajectory))
    return list(groups.values())


def of_policy(groups: Sequence[Group]) -> list[Group]:
    """The groups that the policy played on its own, which scores and curricula count."""
    return [group for group in groups if group[0].role == POLICY]
