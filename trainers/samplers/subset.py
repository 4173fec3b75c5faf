"""Base of samplers that draw from a part of the source, all of its tasks equally likely."""

from __future__ import annotations

import random
from abc import abstractmethod
from collections.abc import Collection, Sequence
from typing import Any

from pydantic import PrivateAttr

from envgym.errors import UsageError
from envgym.task import Task
from envgym.trainers.samplers.base import Sampler, draw_from
from envgym.trainers.samplers.success_rates import TaskLabels
from envgym.trainers.samplers.uniform import POOL, pool_size


class Subset(Sampler):
    """Uniform draws among chosen tasks; where they are too few for a batch, they repeat.

    The keys are chosen once and kept in the state: a resumed run draws from the same tasks,
    whatever has happened since to the files that they were chosen by.
    """

    pool: int | None = POOL
    _chosen: frozenset[str] | None = PrivateAttr(None)
    _labels: TaskLabels = PrivateAttr(default_factory=TaskLabels)

    @abstractmethod
    def choose(self, keys: Sequence[str]) -> Collection[str]:
        """Choose among the keys of the pool's tasks.

        Raises:
            UsageError: A file that says which is missing, or none is chosen.
        """

    def draw(
        self, source: Sequence[Task], count: int, seed: str, taken: Collection[str] = ()
    ) -> list[Task]:
        """Draw `count` of the chosen tasks."""
        return draw_from(source, self.places(source), count, random.Random(seed), taken)

    def check_source(self, source: Sequence[Task]) -> None:
        """Choose the tasks."""
        self.places(source)

    def places(self, source: Sequence[Task]) -> list[int]:
        """Places of the chosen tasks in the source.

        Raises:
            UsageError: The source has none of them.
        """
        keys = self.pool_keys(source)
        if self._chosen is None:
            self._chosen = frozenset(self.choose(keys))
        if found := places_of(keys, self._chosen):
            return found
        raise UsageError(
            f"sampler {self.name!r}: none of its {len(self._chosen)} chosen tasks is among the "
            f"{len(keys)} of the pool: take the run (or the keys) of this environment and its "
            "arguments, milder bounds, or a larger pool"
        )

    def pool_keys(self, source: Sequence[Task]) -> list[str]:
        """Keys of the pool's tasks, in order."""
        return self._labels.of(source, pool_size(source, self.pool))

    def state(self) -> dict[str, Any]:
        """Keys of the chosen tasks."""
        return {"chosen": None if self._chosen is None else sorted(self._chosen)}

    def load(self, state: dict[str, Any]) -> None:
        """Restore the chosen keys."""
        chosen = state["chosen"]
        self._chosen = None if chosen is None else frozenset(chosen)


def places_of(keys: Sequence[str], chosen: Collection[str]) -> list[int]:
    """Places of the chosen keys, in order."""
    return [i for i, key in enumerate(keys) if key in chosen]
