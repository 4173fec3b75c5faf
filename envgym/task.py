"""Tasks: the content of one episode, and the sources that supply them.

A task has a visible part and a hidden one. The hidden part (gold answers, reference solutions) is
for the verifier, the oracle and the hints; it must never reach an observation, which the checker
tests.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, overload

from envgym.errors import UsageError


@dataclass(frozen=True)
class Task:
    """A task: an immutable row with visible data, hidden data and a content hash.

    Attributes:
        data: The visible part: JSON values.
        hidden: The verifier's part: JSON values.
        split: ``train``, ``test`` or any name the environment knows.
        difficulty: Any number that grows with it (hops, level), or None.
    """

    data: Mapping[str, Any]
    hidden: Mapping[str, Any] = field(default_factory=dict)
    split: str = "train"
    difficulty: float | None = None

    @cached_property
    def key(self) -> str:
        """16 hex digits of the content's hash: equal content, equal key, on any machine."""
        row = json.dumps([self.data, self.hidden], sort_keys=True, default=str)
        return hashlib.sha256(row.encode()).hexdigest()[:16]

    def to_json(self) -> dict[str, Any]:
        """The row as JSON values; `Task(**row)` gives it back."""
        return {
            "data": dict(self.data),
            "hidden": dict(self.hidden),
            "split": self.split,
            "difficulty": self.difficulty,
        }


class TaskSource(Sequence[Task]):
    """A sized, indexable, repeatable source of tasks: ``source[i]`` is always the same task."""

    def __init__(self, size: int, get: Callable[[int], Task]) -> None:
        if size < 1:
            raise UsageError("a task source needs at least one task: check the split and the data")
        self._size = size
        self._get = get

    @classmethod
    def generated(
        cls, make: Callable[[random.Random], Task], *, size: int, seed: str | int = 0
    ) -> TaskSource:
        """Make a source of generated tasks; `make` gets a generator seeded by (seed, index)."""
        return cls(size, lambda i: make(random.Random(f"{seed}:{i}")))

    @classmethod
    def rows(cls, rows: Sequence[Task]) -> TaskSource:
        """Make a source from a list of existing tasks."""
        return cls(len(rows), rows.__getitem__)

    def __len__(self) -> int:
        return self._size

    @overload
    def __getitem__(self, index: int) -> Task: ...
    @overload
    def __getitem__(self, index: slice) -> list[Task]: ...
    def __getitem__(self, index: int | slice) -> Task | list[Task]:
        if isinstance(index, slice):
            return [self._get(i) for i in range(*index.indices(self._size))]
        if not -self._size <= index < self._size:
            raise IndexError(f"task {index} of {self._size}")
        return self._get(index % self._size)

    def __iter__(self) -> Iterator[Task]:
        return (self._get(i) for i in range(self._size))
