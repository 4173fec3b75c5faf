"""The infos of many environments as one dictionary of arrays, the way Gymnasium batches them.

``batch["score"][i]`` is environment i's score and ``batch["_score"][i]`` says whether it gave one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

_NUMBERS, _FLAGS = {int, float}, {bool}


def batch_infos(infos: Sequence[Mapping[str, Any] | None]) -> dict[str, Any]:
    """One array of length ``len(infos)`` for each key, and under ``_key`` its mask.

    Numbers become float64, int64 or bool arrays with 0 where there is none; anything else becomes
    an object array with None there.
    """
    everywhere = np.array([True] * len(infos), np.bool_)
    batch: dict[str, Any] = {}
    for key in dict.fromkeys(chain.from_iterable(filter(None, infos))):
        try:
            column, present = _column([info[key] for info in infos]), everywhere.copy()  # type: ignore[index]
        except (KeyError, TypeError):  # not all have it
            column, present = _with_gaps(infos, key)
        batch[key], batch[f"_{key}"] = column, present
    return batch


def _with_gaps(
    infos: Sequence[Mapping[str, Any] | None], key: str
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    present = np.array([info is not None and key in info for info in infos], np.bool_)
    filled = _column([info[key] for info in infos if info is not None and key in info])
    blank = None if filled.dtype == np.object_ else 0
    column: NDArray[Any] = np.full(len(infos), blank, filled.dtype)
    column[present] = filled
    return column, present


def _column(values: Sequence[Any]) -> NDArray[Any]:
    """The values as numbers or flags where all of them are, as objects otherwise."""
    kinds = set(map(type, values))
    if kinds <= _NUMBERS:
        return np.array(values, np.float64 if float in kinds else np.int64)
    if kinds == _FLAGS:
        return np.array(values, np.bool_)
    return np.fromiter(values, np.object_, len(values))  # np.array would take lists apart
