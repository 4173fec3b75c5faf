"""Shuffled epochs: every task once before one of them repeats."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from typing import Any

from pydantic import PrivateAttr

from envgym.task import Task
from envgym.trainers.plugin import register
from envgym.trainers.samplers.base import Sampler
from envgym.trainers.samplers.uniform import POOL, pool_size


@register("epochs")
class Epochs(Sampler):
    """Draws the tasks of a random permutation in order: each once, then those of the next one.

    Curves of success by epoch, which `limr` and the reward `trapo` compare, need every task in
    every epoch. Where an epoch ends within a step, the step's own tasks come last in the next.

    Trap: refills of dynamic sampling move the epoch on too, so that its number of steps varies.
    """

    pool: int | None = POOL
    _seed: str = PrivateAttr("")
    _place: int = PrivateAttr(0)
    _last: list[int] = PrivateAttr(default_factory=list)
    _step: list[int] = PrivateAttr(default_factory=list)
    _order: list[int] = PrivateAttr(default_factory=list)

    def draw(
        self, source: Sequence[Task], count: int, seed: str, taken: Collection[str] = ()
    ) -> list[Task]:
        """Draw the next `count` tasks; an epoch that ends goes over into the next."""
        size = pool_size(source, self.pool)
        if not taken:
            self._step = []
        first = len(self._step)
        for number in range(count):
            if not self._seed or self._place >= size:
                self._seed, self._place, self._order = f"{seed}:{number}", 0, []
                self._last = list(dict.fromkeys(self._step))
            if len(self._order) != size:
                self._order = _shuffled(size, self._seed, self._last)
            self._step.append(self._order[self._place])
            self._place += 1
        return [source[i] for i in self._step[first:]]

    def check_source(self, source: Sequence[Task]) -> None:
        """Check that there are tasks."""
        pool_size(source, self.pool)

    def state(self) -> dict[str, Any]:
        """Seed of the permutation, number of its tasks drawn, and places that come last in it."""
        return {
            "seed": self._seed,
            "place": self._place,
            "last": list(self._last),
            "step": list(self._step),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Restore the place in the epoch."""
        self._seed, self._place, self._order = state["seed"], state["place"], []
        self._last, self._step = list(state["last"]), list(state["step"])


def _shuffled(size: int, seed: str, last: Sequence[int]) -> list[int]:
    """Permutation of the places below `size`, those in `last` at its end."""
    late = set(last)
    order = random.Random(seed).sample(range(size), size)
    return sorted(order, key=late.__contains__)  # stable: otherwise in the permutation's order
