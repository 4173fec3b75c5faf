"""Rows: tokens of the target context with an advantage and a weight for every action token.

Weights come from the whole batch, before rows are cut into micro-batches, so that the layout
changes no number.
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
    """Row of tokens with the learner's per-token data.

    Attributes:
        row: Target-context tokens.
        advantage, weight: float32 [T]; 0 on context.
        prox_logp: Log-probs just before the step's first update, float32 [T]; NaN where unknown.
        value, returns: The critic's value before the step's updates, and its target, float32 [T];
            NaN where there is none.
        sample: Index of the sample in its batch (rows of one episode share it).
    """

    row: Row
    advantage: NDArray[np.float32]
    weight: NDArray[np.float32]
    sample: int
    prox_logp: NDArray[np.float32]
    value: NDArray[np.float32]
    returns: NDArray[np.float32]


def train_rows(samples: Sequence[Sample], weights: Sequence[float]) -> list[TrainRow]:
    """Compile samples to rows.

    Args:
        weights: Weight of each action token, one number per sample.

    Raises:
        UsageError: A target context is empty: only hints came before an action.
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
            prox_logp, value, returns = np.full((3, len(row)), np.nan, np.float32)
            by_turn = (
                (advantage, sample.advantages),
                (prox_logp, sample.prox_logp),
                (value, sample.value),
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
            compiled.append(TrainRow(row, advantage, weighted, index, prox_logp, value, returns))
    return compiled
