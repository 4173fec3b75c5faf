"""State groups: turns of a group's episodes that faced the same observation (GiGPO's anchors)."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
from numpy.typing import NDArray

from envgym.trainers.advantages.credit import ROUNDING, Floats
from envgym.trainers.collection.samples import Group, Sample


def anchors(sample: Sample, history: int) -> list[Hashable]:
    """Key of each turn's state and the `history` states before it.

    A state's key is the name that the environment gives it (`Turn.anchor`), or else the turn's new
    messages, hints left out.

    Where fewer states came before, the episode's start is part of the key. A turn without new
    messages has a key of its own.
    """
    seen: list[Hashable] = [
        turn.anchor or tuple((m.role, m.content) for m in turn.messages if m.kind != "hint")
        for turn in sample.trajectory.turns
    ]
    return [
        (k < history, *seen[max(0, k - history) : k + 1]) if seen[k] else (id(sample), k)
        for k in range(len(seen))
    ]


def numbered(group: Group, history: int) -> NDArray[np.int64]:
    """Number of every turn's anchor, int64 [turns of the group], episode after episode."""
    numbers: dict[Hashable, int] = {}
    keys = (key for sample in group for key in anchors(sample, history))
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], np.int64)


def compared(anchor: NDArray[np.int64], values: Floats) -> tuple[Floats, Floats, Floats]:
    """Mean, unbiased deviation and count of the values at each value's anchor, [turns] each.

    For values that are equal up to rounding the mean is the smallest and the deviation 0.
    """
    count = np.bincount(anchor)
    mean = np.bincount(anchor, values) / count
    low, high = np.full(len(count), np.inf), np.full(len(count), -np.inf)
    np.minimum.at(low, anchor, values)
    np.maximum.at(high, anchor, values)
    equal = high - low <= ROUNDING * np.maximum(np.abs(low), np.abs(high))
    mean = np.where(equal, low, mean)
    squares = np.bincount(anchor, (values - mean[anchor]) ** 2)
    deviation = np.where(equal, 0.0, np.sqrt(squares / np.maximum(count - 1, 1)))
    return mean[anchor], deviation[anchor], count[anchor].astype(np.float64)
