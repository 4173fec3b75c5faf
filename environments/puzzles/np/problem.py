"""What an NP-hard problem is here: a generator, a validator, a heuristic.

The validator is the part that a learner attacks. It takes a solution apart before it counts
anything: whole numbers only (no ``true``, no ``3.0``), in range, none twice; then the constraints;
then the value. It evaluates no text.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

Instance = Mapping[str, Any]
Size = Mapping[str, tuple[int, int]]
"""Ranges, both ends included, of the numbers that make an instance small or large."""

LEVELS = ("easy", "medium", "hard", "bench")


class Infeasible(Exception):
    """The solution breaks a constraint; the message says which, for the agent to read."""


class Problem(ABC):
    """One problem.

    Attributes:
        name: As in the environment's argument.
        asks: The task in words, with the form of the answer.
        goal: Whether a larger or a smaller value is better.
        sizes: One for each of `LEVELS`.
        method: How one goes about it: the weakest hint.
        ordered: Whether a solution is a sequence, not a set.
    """

    name: ClassVar[str]
    asks: ClassVar[str]
    goal: ClassVar[Literal["max", "min"]]
    sizes: ClassVar[tuple[Size, Size, Size, Size]]
    method: ClassVar[str]
    ordered: ClassVar[bool] = False

    @abstractmethod
    def generate(self, rng: random.Random, size: Size) -> tuple[Instance, list[Any]]:
        """An instance, and the best solution that planting or the heuristic gives."""

    @abstractmethod
    def show(self, instance: Instance) -> str:
        """The instance as text."""

    @abstractmethod
    def value(self, instance: Instance, solution: Sequence[Any]) -> int:
        """What a solution is worth, 1 or more.

        Raises:
            Infeasible: It breaks a constraint.
        """

    def ratio(self, value: int, reference: int) -> float:
        """Quality against the reference's value, in (0, 1]: a better one counts as equal to it."""
        return min(value / reference if self.goal == "max" else reference / value, 1.0)


def pick(rng: random.Random, size: Size) -> dict[str, int]:
    """A number from each range."""
    return {name: rng.randint(low, high) for name, (low, high) in size.items()}


def whole(value: Any, top: int, what: str) -> int:
    """`value`, if it is a whole number from 0 to top - 1."""
    if type(value) is not int or not 0 <= value < top:
        raise Infeasible(f"{str(value)[:40]} is no {what}: they are 0 to {top - 1}")
    return value


def distinct(solution: Sequence[Any], top: int, what: str) -> list[int]:
    """The solution, if it is one or more whole numbers from 0 to top - 1, none of them twice."""
    numbers = [whole(value, top, what) for value in solution]
    if not numbers:
        raise Infeasible(f"there is no {what} in it")
    for number in numbers:
        if numbers.count(number) > 1:
            raise Infeasible(f"{what} {number} stands in it more than once")
    return numbers
