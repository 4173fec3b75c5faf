"""Rows: tokens of the target context with an advantage and a weight for every action token.

Weights are computed on the whole batch before rows are cut into micro-batches, so that no layout
changes a number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from envgym.errors import UsageError
from envgym.messages import Kind
from envgym.trainers.collection.samples import Sample
from envgym.trajectory import Row, rows

_GUIDANCE: tuple[Kind, ...] = ("hint",)  # seen by the sampler, not by the loss


@dataclass
class TrainRow:
    """A row ready for the learner.

    Attributes:
        row: Target-context tokens.
        advantage, weight: float32 [T]; 0 on context.
        proximal: Log-probs just before the step's first update, float32 [T]; NaN where unknown.
        value, returns: What the critic said and is to say, float32 [T]; NaN where there is nothing.
        sample: Index of the sample in its batch (rows of one episode share it).
    """

    row: Row
    advantage: NDArray[np.float32]
    weight: NDArray[np.float32]
    sample: int
    proximal: NDArray[np.float32]
    value: NDArray[np.float32]
    returns: NDArray[np.float32]


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
            proximal, value, returns = np.full((3, len(row)), np.nan, np.float32)
            by_turn = (
                (advantage, sample.advantages),
                (proximal, sample.proximal),
                (value, sample.values),
                (returns, sample.returns),
            )
            for turn in np.unique(row.turn[row.mask]):
                place = row.turn == turn
                begin = used[turn]
                used[turn] += int(place.sum())
                for array, given in by_turn:
                    if given:
                        array[place] = given[turn][begin : used[turn]]
            weighted = weight * row.mask.astype(np.float32)
            compiled.append(TrainRow(row, advantage, weighted, index, proximal, value, returns))
    return compiled
