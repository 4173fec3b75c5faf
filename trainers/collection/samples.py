"""Samples: one trajectory each, with its rewards, advantages and per-token data, in groups.

Advantages are computed on samples and turns before these are cut into rows, so that no layout of
rows changes a number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from envgym.trajectory import Episode, Trajectory

Group = list["Sample"]


@dataclass
class Sample:
    """One trajectory on its way through the loop.

    Attributes:
        episode, trajectory: What was played, and the seat's part in it.
        reward: What it is trained on, all told; the reward plug-ins add to it by the `pay` methods.
        turn_rewards: The parts of it that came with a turn, one a turn; empty for none. What is
            neither here nor in `token_rewards` came with the last turn.
        token_rewards: The parts of it that came with an action token, one array a turn, float64;
            empty for none.
        components: The parts of it by the name of what paid them.
        advantages: One array a turn, float32 [tokens of the action]; the advantage plug-in sets it.
        kind: Which losses apply: ``rl`` or ``sft``.
        skip: Left out of the batch and of its denominator: set by advantages that train on a part.
        proximal, reference: Log-probs of the action tokens just before the step's first update, and
            under the frozen reference: one float32 array a turn, in the target context. None where
            no plug-in asks for them.
        norms: Squared norm of each action token's score, the gradient of its log-prob by the
            logits: 1 - 2π + Σπ². One float32 array a turn, or None.
        values: A critic's, one float32 array a turn, [tokens of the action]: the value of the state
            before each action token. None without a critic.
        returns: What the critic is to learn, in the shape of `values`; NaN where a token has no
            target. Advantages that need values set it; else it is empty.
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
    proximal: list[NDArray[np.float32]] | None = None
    reference: list[NDArray[np.float32]] | None = None
    norms: list[NDArray[np.float32]] | None = None
    values: list[NDArray[np.float32]] | None = None
    returns: list[NDArray[np.float32]] = field(default_factory=list)

    @property
    def tokens(self) -> int:
        """Number of action tokens."""
        return self.trajectory.action_tokens

    def pay(self, name: str, amount: float) -> None:
        """Add to the reward, with the last turn."""
        self.reward += amount
        self.components[name] = self.components.get(name, 0.0) + amount

    def pay_turns(self, name: str, amounts: Sequence[float]) -> None:
        """Add to the reward, an amount with each turn."""
        before = self.turn_rewards or [0.0] * len(amounts)
        self.turn_rewards = [b + float(a) for b, a in zip(before, amounts, strict=True)]
        self.pay(name, float(sum(amounts)))

    def pay_tokens(self, name: str, amounts: Sequence[NDArray[np.float64]]) -> None:
        """Add to the reward, an amount with each action token: one array a turn."""
        before = self.token_rewards or [np.zeros(len(a)) for a in amounts]
        self.token_rewards = [b + a for b, a in zip(before, amounts, strict=True)]
        self.pay(name, float(sum(a.sum() for a in amounts)))

    def spread(self, advantage: float) -> None:
        """Give every action token the same advantage."""
        self.advantages = [
            np.full(len(turn.action), advantage, np.float32) for turn in self.trajectory.turns
        ]

    def record_advantages(self) -> None:
        """Write the advantages into the turns, to be kept with the episode."""
        for turn, advantage in zip(self.trajectory.turns, self.advantages, strict=False):
            turn.advantages = advantage.tolist()


def differs(group: Group, by: Literal["reward", "score"]) -> bool:
    """Whether the members' rewards (as the environment gave them), or scores, are not all equal."""
    values = {s.trajectory.reward if by == "reward" else s.episode.score for s in group}
    return len(values) > 1
