"""Samples: one trajectory each, with its rewards, advantages and per-token data, in groups.

Advantages are computed on samples and turns before these are cut into rows, so that the layout of
rows changes no number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from envgym.trajectory import Episode, Trajectory

Group = list["Sample"]


@dataclass
class Sample:
    """One trajectory with its rewards, advantages and per-token data.

    Attributes:
        episode, trajectory: What was played, and the seat's part in it.
        reward: Total reward to train on; reward plug-ins add to it by the `add_reward` methods.
        turn_rewards: Part of the reward earned per turn, one number per turn; empty for none. The
            rest, neither here nor in `token_rewards`, belongs to the last turn.
        token_rewards: Part of the reward per action token, one float64 array per turn; empty for
            none.
        components: Parts of the reward by the name of the plug-in that added them.
        advantages: One float32 array [tokens of the action] per turn; the advantage plug-in sets
            it.
        kind: Kind of the sample, which decides the losses that apply: ``rl`` or ``sft``.
        skip: Whether batch and denominator leave the sample out; advantages that train on a part of
            the samples set it.
        prox_logp, ref_logp: Log-probs of the action tokens just before the step's first update, and
            under the frozen reference: one float32 array per turn, in the target context. None
            where no plug-in needs them.
        norms: Squared norm of each action token's score, the gradient of its log-prob by the
            logits: 1 - 2π + Σπ². One float32 array per turn, or None.
        value: The critic's value of the state before each action token, one float32 array [tokens
            of the action] per turn. None without a critic.
        returns: Targets of the critic, in the shape of `value`; NaN where a token has no target.
            Advantages that need values set it; else it is empty.
    """

    episode: Episode
    trajectory: Trajectory
    reward: float = 0.0
    advantages: list[NDArray[np.float32]] = field(default_factory=list)
    kind: str = "rl"
    turn_rewards: list[float] = field(default_factory=list)
    token_rewards: list[NDArray[np.float64]] = field(default_factory=list)
    components: dict[str, float] = field(default_factory=dict)
    skip: bool = False
    prox_logp: list[NDArray[np.float32]] | None = None
    ref_logp: list[NDArray[np.float32]] | None = None
    norms: list[NDArray[np.float32]] | None = None
    value: list[NDArray[np.float32]] | None = None
    returns: list[NDArray[np.float32]] = field(default_factory=list)

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


def differs(group: Group, by: Literal["reward", "score"]) -> bool:
    """Return whether the members' rewards (as the environment gave them), or scores, differ.

    Values that are equal up to rounding do not: 0.1 + 0.2 and 0.3 give no advantage either.
    """
    values = [s.trajectory.reward if by == "reward" else s.episode.score for s in group]
    return not math.isclose(min(values), max(values), rel_tol=1e-9)
