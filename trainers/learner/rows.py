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
from envgym.trainers.collection.samples import Sample
from envgym.trajectory import Row, rows


@dataclass
class TrainRow:
    """Row of tokens with its weight and the sample that it belongs to.

    Attributes:
        row: Target-context tokens.
        weight: float32 [T]; 0 on context.
        sample: Index of the sample in its batch (rows of one episode share it).
        source: The sample, which holds the per-token data.
    """

    row: Row
    weight: NDArray[np.float32]
    sample: int
    source: Sample

    @property
    def unit(self) -> int | str:
        """Key that the rows of one sample share, and those of both samples of a pair."""
        return self.source.pair or self.sample

    @property
    def advantage(self) -> NDArray[np.float32]:
        """Advantages, float32 [T]; 0 on context."""
        return np.nan_to_num(self.column("advantages"))

    @property
    def guided(self) -> NDArray[np.bool_]:
        """Flag of the tokens after a hint, which only the sampler saw; bool [T]."""
        hinted = [any(s.kind == "hint" for s in t.context) for t in self.source.trajectory.turns]
        return np.where(self.row.turn >= 0, np.logical_or.accumulate(hinted)[self.row.turn], False)

    def column(self, name: str) -> NDArray[np.float32]:
        """Per-token data of the sample by name, float32 [T] or [T, numbers]; NaN for none."""
        parts = self.source.column(name)
        turns = np.unique(self.row.turn[self.row.mask])  # an action lies in one row, whole
        if not parts or not len(turns):
            return np.full(len(self.row), np.nan, np.float32)
        told = np.concatenate([parts[turn] for turn in turns])
        found = np.full((len(self.row), *told.shape[1:]), np.nan, np.float32)
        found[self.row.mask] = told
        return found


def train_rows(
    samples: Sequence[Sample], weights: Sequence[float], *, hinted: bool = False
) -> list[TrainRow]:
    """Compile samples to rows.

    Args:
        weights: Weight of each action token, one number per sample.
        hinted: Whether the context is the behaviour one, hints in view, and not the target one.

    Raises:
        UsageError: A target context is empty: only hints came before an action.
    """
    compiled: list[TrainRow] = []
    for index, (sample, weight) in enumerate(zip(samples, weights, strict=True)):
        for row in rows(sample.trajectory) if hinted else sample.rows:
            if row.mask[0]:
                raise UsageError(
                    f"episode {sample.episode.id}: no context but hints before turn {row.turn[0]}; "
                    "show the task in a message of its own"
                )
            compiled.append(TrainRow(row, weight * row.mask.astype(np.float32), index, sample))
    return compiled
