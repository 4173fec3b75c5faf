"""What the learner sees: rows of tokens with an advantage and a weight for every action token.

Advantages are computed on episodes and turns before anything is cut into rows, and weights on the
whole batch before anything is cut into micro-batches; so neither layout changes a number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from envgym.errors import UsageError
from envgym.messages import Kind
from envgym.trajectory import Episode, Row, Trajectory, rows

Group = list["Sample"]
_GUIDANCE: tuple[Kind, ...] = ("hint",)  # seen by the sampler, not by the loss


@dataclass
class Sample:
    """One trajectory on its way through the loop.

    Attributes:
        episode, trajectory: What was played, and the seat's part in it.
        reward: What it is trained on; the reward plug-ins set it.
        advantages: One array a turn, float32 [tokens of the action]; the advantage plug-in sets it.
        kind: Which losses apply: ``rl`` or ``sft``.
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
    values: list[NDArray[np.float32]] | None = None
    returns: list[NDArray[np.float32]] = field(default_factory=list)

    @property
    def tokens(self) -> int:
        """Number of action tokens."""
        return self.trajectory.action_tokens

    def spread(self, advantage: float) -> None:
        """Give every action token the same advantage."""
        self.advantages = [
            np.full(len(turn.action), advantage, np.float32) for turn in self.trajectory.turns
        ]

    def record_advantages(self) -> None:
        """Write the advantages into the turns, to be kept with the episode."""
        for turn, advantage in zip(self.trajectory.turns, self.advantages, strict=False):
            turn.advantages = advantage.tolist()


@dataclass
class TrainRow:
    """A row ready for the learner.

    Attributes:
        row: Target-context tokens.
        advantage, weight: float32 [T]; 0 on context.
        sample: Index of the sample in its batch (rows of one episode share it).
    """

    row: Row
    advantage: NDArray[np.float32]
    weight: NDArray[np.float32]
    sample: int


def train_rows(samples: Sequence[Sample], weights: Sequence[float]) -> list[TrainRow]:
    """Compile samples to rows.

    Args:
        weights: For each sample, the weight of each of its action tokens.

    Raises:
        UsageError: A target context is empty: nothing but hints came before an action.
    """
    compiled: list[TrainRow] = []
    for index, (sample, weight) in enumerate(zip(samples, weights, strict=True)):
        used = [0] * len(sample.trajectory.turns)
        for row in rows(sample.trajectory, drop=_GUIDANCE):
            if row.mask[0]:
                raise UsageError(
                    f"episode {sample.episode.id}: no context but hints before turn {row.turn[0]}; "
                    "show the task in a message of its own"
                )
            advantage = np.zeros(len(row), np.float32)
            for turn in np.unique(row.turn[row.mask]):
                place = row.turn == turn
                count = int(place.sum())
                if sample.advantages:
                    begin = used[turn]
                    advantage[place] = sample.advantages[turn][begin : begin + count]
                used[turn] += count
            compiled.append(TrainRow(row, advantage, weight * row.mask.astype(np.float32), index))
    return compiled
