"""Subset sum with the maximum number of elements."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from envgym.environments.puzzles.np.problem import (
    Infeasible,
    Instance,
    Problem,
    Size,
    distinct,
    pick,
)


class SubsetSum(Problem):
    """Choose as many numbers as possible whose sum is the target."""

    name = "subset_sum"
    asks = (
        "Choose as many of the numbers as you can so that their sum is exactly the target. Answer "
        "with the list of their places; the first number has place 0."
    )
    goal = "max"
    sizes = (
        {"numbers": (5, 10), "top": (20, 30)},
        {"numbers": (8, 12), "top": (30, 50)},
        {"numbers": (12, 15), "top": (50, 80)},
        {"numbers": (15, 20), "top": (80, 120)},
    )
    method = "small numbers make many: begin with them, and exchange a few to hit the target."

    def generate(self, rng: random.Random, size: Size) -> tuple[Instance, list[Any]]:
        """Random numbers, and the sum of some of them as the target."""
        n, top = pick(rng, size).values()
        numbers = [rng.randint(1, top) for _ in range(n)]
        target = sum(rng.sample(numbers, rng.randint(max(2, n // 3), max(2, 2 * n // 3))))
        return {"numbers": numbers, "target": target}, most_numbers(numbers, target)

    def show(self, instance: Instance) -> str:
        """Numbers and target as text."""
        return f"The numbers are {instance['numbers']}. The target is {instance['target']}."

    def value(self, instance: Instance, solution: Sequence[Any]) -> int:
        """Number of chosen elements."""
        numbers = instance["numbers"]
        places = distinct(solution, len(numbers), "place")
        total = sum(numbers[place] for place in places)
        if total != instance["target"]:
            raise Infeasible(f"the sum is {total}")
        return len(places)


def most_numbers(numbers: Sequence[int], target: int) -> list[int]:
    """Positions of as many numbers as possible with the sum `target`, by dynamic programming."""
    reached: dict[int, tuple[int, ...]] = {0: ()}
    for place, number in enumerate(numbers):
        for total, places in list(reached.items()):
            more = total + number
            if more <= target and len(places) >= len(reached.get(more, ())):
                reached[more] = (*places, place)
    return list(reached[target])
