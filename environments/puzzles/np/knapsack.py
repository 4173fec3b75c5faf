"""Knapsack."""

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


class Knapsack(Problem):
    """Pack as much value as possible within a weight limit."""

    name = "knapsack"
    asks = (
        "Choose items whose weights together do not exceed the capacity, and whose values together "
        "are as high as you can. Answer with the list of the numbers of these items."
    )
    goal = "max"
    sizes = (
        {"fitting": (6, 10), "more": (3, 6)},
        {"fitting": (8, 12), "more": (6, 10)},
        {"fitting": (15, 25), "more": (10, 15)},
        {"fitting": (25, 35), "more": (15, 20)},
    )
    method = "take items of much value for their weight first; then exchange to fill what is left."

    def generate(self, rng: random.Random, size: Size) -> tuple[Instance, list[Any]]:
        """Random items, more than fit."""
        fitting, more = pick(rng, size).values()
        items = [[rng.randint(1, 20), rng.randint(5, 50)] for _ in range(fitting + more)]
        capacity = sum(weight for weight, _ in rng.sample(items, fitting))
        return {"items": items, "capacity": capacity}, most_value(items, capacity)

    def show(self, instance: Instance) -> str:
        """Items as text."""
        items = [f"Item {i}: weight {w}, value {v}" for i, (w, v) in enumerate(instance["items"])]
        return "\n".join([f"The capacity is {instance['capacity']}.", *items])

    def value(self, instance: Instance, solution: Sequence[Any]) -> int:
        """Sum of the values."""
        items = [instance["items"][i] for i in distinct(solution, len(instance["items"]), "item")]
        weight = sum(weight for weight, _ in items)
        if weight > instance["capacity"]:
            raise Infeasible(f"the weight is {weight}")
        return sum(value for _, value in items)


def most_value(items: Sequence[Sequence[int]], capacity: int) -> list[int]:
    """Optimal choice, by dynamic programming over the weight."""
    best = [0] * (capacity + 1)
    taken: list[list[bool]] = []
    for weight, value in items:
        row = [False] * (capacity + 1)
        for room in range(capacity, weight - 1, -1):
            if best[room - weight] + value > best[room]:
                best[room], row[room] = best[room - weight] + value, True
        taken.append(row)
    chosen, room = [], capacity
    for i in reversed(range(len(items))):
        if taken[i][room]:
            chosen.append(i)
            room -= items[i][0]
    return sorted(chosen)
