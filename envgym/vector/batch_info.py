"""Infos of many environments as one mapping of arrays, batched as Gymnasium does.

``batch["score"][i]`` is environment i's score and ``batch["_score"][i]`` says whether it gave one.
A column is made on first access: most loops read one or two, and all of them would cost
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
    """Mapping with one array of length `count` per key, and its mask under ``_key``.

    Numbers become float64, int64 or bool arrays with 0 where there is none; anything else becomes
    an object array with None there.

    Args:
        count: Number of environments.
        infos: By environment; those that gave none are left out. Not to be changed afterwards.
    """

    def __init__(self, count: int, infos: Mapping[int, Mapping[str, Any]]) -> None:
        self._count = count
        self._infos = infos
        self._columns: dict[str, NDArray[Any]] = {}

    def __getitem__(self, key: str) -> NDArray[Any]:
        if key not in self._columns and not self._read(key) and key[:1] == "_":
            self._read(key[1:])
        return self._columns[key]

    def __iter__(self) -> Iterator[str]:
        for key in dict.fromkeys(chain.from_iterable(self._infos.values())):
            yield from (key, f"_{key}")

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"BatchedInfo({dict(self)!r})"

    def _read(self, key: str) -> bool:
        """Make a key's column and its mask; whether any environment gave one."""
        values, present = [], np.zeros(self._count, np.bool_)
        for i in range(self._count):
            if key in (info := self._infos.get(i, {})):
                values.append(info[key])
                present[i] = True
        if not values:
            return False
        array = filled = _array(values)
        if len(values) < self._count:
            blank = None if filled.dtype == np.object_ else 0
            array = np.full(self._count, blank, filled.dtype)
            array[present] = filled
        self._columns |= {key: array, f"_{key}": present}
        return True


def _array(values: Sequence[Any]) -> NDArray[Any]:
    """The values as numbers or flags where all of them are, as objects otherwise."""
    kinds = set(map(type, values))
    if kinds <= _NUMBERS:
        return np.array(values, np.float64 if float in kinds else np.int64)
    if kinds == _FLAGS:
        return np.array(values, np.bool_)
    return np.fromiter(values, np.object_, len(values))  # np.array would take lists apart
