"""Base class of an NP-hard problem: generator, validator and heuristic.

Learners attack the validator. It checks structure before it counts: integers only (no ``true``, no
``3.0``), in range, distinct; then the constraints; then the value. It evaluates no text.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

Instance = Mapping[str, Any]
Size = Mapping[str, tuple[int, int]]
"""Inclusive range per size parameter of an instance."""

LEVELS = ("easy", "medium", "hard", "bench")


class Infeasible(Exception):
    """A solution that breaks a constraint; the message names it for the agent."""


class Problem(ABC):
    """One NP-hard problem.

    Attributes:
        name: Name in the environment's ``problems`` argument.
        asks: The task in words, with the form of the answer.
        goal: Whether a larger or a smaller value is better.
        sizes: Size ranges per level, in the order of `LEVELS`.
        method: Approach to a solution, used as the weakest hint.
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
        """Draw an instance with its reference: the better of planted and heuristic solution."""

    @abstractmethod
    def show(self, instance: Instance) -> str:
        """Instance as text."""

    @abstractmethod
    def value(self, instance: Instance, solution: Sequence[Any]) -> int:
        """Value of a solution, 1 or more.

        Raises:
            Infeasible: The solution breaks a constraint.
        """

    def ratio(self, value: int, reference: int) -> float:
        """Quality relative to the reference's value, in (0, 1]; a better one counts as equal."""
        return min(value / reference if self.goal == "max" else reference / value, 1.0)


def pick(rng: random.Random, size: Size) -> dict[str, int]:
    """Draw a number from each range."""
    return {name: rng.randint(low, high) for name, (low, high) in size.items()}


def whole(value: Any, top: int, what: str) -> int:
    """Check that `value` is an integer from 0 to top - 1."""
    if type(value) is not int or not 0 <= value < top:
        raise Infeasible(f"{str(value)[:40]} is no {what}: they are 0 to {top - 1}")
    return value


def distinct(solution: Sequence[Any], top: int, what: str) -> list[int]:
    """Check that a solution is one or more distinct integers from 0 to top - 1."""
    numbers = [whole(value, top, what) for value in solution]
    if not numbers:
        raise Infeasible(f"there is no {what} in it")
    for number in numbers:
        if numbers.count(number) > 1:
            raise Infeasible(f"{what} {number} stands in it more than once")
    return numbers
