"""Similarity of trajectories of pass rates, one rate per visit of a task (arXiv 2512.13106)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray


def similarity(trajectory: Sequence[float], others: Iterable[Sequence[float]]) -> float:
    """Mean cosine of standardised trajectories, each pair cut to the shorter one.

    Pairs of fewer than two points are left out; a constant trajectory has cosine 0 with all. Where
    no pair is left, the result is -1.
    """
    by_length: dict[int, list[Sequence[float]]] = {}
    for other in others:
        length = min(len(other), len(trajectory))
        by_length.setdefault(length, []).append(other[:length])
    total, count = 0.0, 0
    for length, rows in by_length.items():
        if length > 1:
            own = _standardised(np.asarray([trajectory[:length]], np.float64))[0]
            total += float((_standardised(np.asarray(rows, np.float64)) @ own).sum())
            count += len(rows)
    return total / count if count else -1.0


def select(similarities: Mapping[str, float], top: float, threshold: float) -> set[str]:
    """The `top` share of tasks by similarity, and those of at least `threshold`."""
    ranked = sorted(similarities, key=lambda key: (-similarities[key], key))
    best = ranked[: math.ceil(top * len(ranked))]
    return {key for key in ranked if similarities[key] >= threshold} | {
        key for key in best if similarities[key] > -1
    }


def _standardised(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows [n, points] minus their means, each of length 1; constant rows are 0."""
    centred = rows - rows.mean(1, keepdims=True)
    norms = np.linalg.norm(centred, axis=1, keepdims=True)
    return np.where(norms > 1e-9, centred / np.maximum(norms, 1e-9), 0.0)
