"""The infos of many environments as one mapping of arrays, the way Gymnasium batches them.

``batch["score"][i]`` is environment i's score and ``batch["_score"][i]`` says whether it gave one.
A column is made when somebody asks for it: most loops read one or two, and all of them would cost
as much as a step of a small environment.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

_NUMBERS, _FLAGS = {int, float}, {bool}


class BatchedInfo(Mapping[str, NDArray[Any]]):
    """One array of length ``len(infos)`` for each key, and under ``_key`` its mask.

    Numbers become float64, int64 or bool arrays with 0 where there is none; anything else becomes
    an object array with None there.

    Args:
        infos: One for each environment; None where it gave none. Not to be changed afterwards.
    """

    def __init__(self, infos: Sequence[Mapping[str, Any] | None]) -> None:
        self._infos = infos
        self._columns: dict[str, NDArray[Any]] = {}

    def __getitem__(self, key: str) -> NDArray[Any]:
        if key not in self._columns and not self._read(key) and key[:1] == "_":
            self._read(key[1:])
        return self._columns[key]

    def __iter__(self) -> Iterator[str]:
        for key in dict.fromkeys(chain.from_iterable(filter(None, self._infos))):
            yield from (key, f"_{key}")

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"BatchedInfo({dict(self)!r})"

    def _read(self, key: str) -> bool:
        """Make a key's column and its mask; whether any environment gave one."""
        present = np.array([info is not None and key in info for info in self._infos], np.bool_)
        values = [info[key] for info in self._infos if info is not None and key in info]
        if not values:
            return False
        column = filled = _array(values)
        if len(values) < len(present):
            blank = None if filled.dtype == np.object_ else 0
            column = np.full(len(present), blank, filled.dtype)
            column[present] = filled
        self._columns |= {key: column, f"_{key}": present}
        return True


def _array(values: Sequence[Any]) -> NDArray[Any]:
    """The values as numbers or flags where all of them are, as objects otherwise."""
    kinds = set(map(type, values))
    if kinds <= _NUMBERS:
        return np.array(values, np.float64 if float in kinds else np.int64)
    if kinds == _FLAGS:
        return np.array(values, np.bool_)
    return np.fromiter(values, np.object_, len(values))  # np.array would take lists apart
