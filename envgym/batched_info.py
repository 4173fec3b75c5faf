"""The infos of many environments as one dictionary of arrays, the way Gymnasium batches them.

``batch["score"][i]`` is environment i's score and ``batch["_score"][i]`` says whether it gave one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def batch_infos(infos: Sequence[Mapping[str, Any] | None]) -> dict[str, Any]:
    """One array of length ``len(infos)`` for each key, and under ``_key`` its mask.

    Numbers become float64, int64 or bool arrays with 0 where there is none; anything else becomes
    an object array with None there.
    """
    keys = dict.fromkeys(key for info in infos if info for key in info)
    batch: dict[str, Any] = {}
    for key in keys:
        present = np.array([info is not None and key in info for info in infos], np.bool_)
        values = [info[key] for info in infos if info is not None and key in info]
        column: NDArray[Any] = np.full(len(infos), *_blank(values))
        for index, value in zip(np.flatnonzero(present), values, strict=True):
            column[index] = value
        batch[key], batch[f"_{key}"] = column, present
    return batch


def _blank(values: Sequence[Any]) -> tuple[Any, type]:
    """What stands for a missing value, and the array's type."""
    kinds = {type(value) for value in values}
    if kinds == {bool}:
        return False, np.bool_
    if kinds == {int}:
        return 0, np.int64
    if kinds <= {int, float}:
        return 0.0, np.float64
    return None, np.object_
