"""Set cover."""

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


class Cover(Problem):
    """Choose as few sets as possible that hold every element."""

    name = "cover"
    asks = (
        "Choose as few of the sets as you can so that every element is in one of them. Answer with "
        "the list of the numbers of these sets."
    )
    goal = "min"
    sizes = (
        {"elements": (10, 20), "sets": (5, 10)},
        {"elements": (20, 25), "sets": (10, 15)},
        {"elements": (25, 30), "sets": (15, 25)},
        {"elements": (30, 40), "sets": (20, 30)},
    )
    method = (
        "first take the sets that alone hold some element, then again and again the one with most "
        "elements still missing; at the end leave out what became needless."
    )

    def generate(self, rng: random.Random, size: Size) -> tuple[Instance, list[Any]]:
        """Random sets; an element in none of them is added to one."""
        elements, count = pick(rng, size).values()
        sets = [
            set(rng.sample(range(elements), rng.randint(2, max(2, elements // 3))))
            for _ in range(count)
        ]
        for element in range(elements):
            if not any(element in one for one in sets):
                rng.choice(sets).add(element)
        instance = {"elements": elements, "sets": [sorted(one) for one in sets]}
        return instance, min((_greedy(rng, elements, sets) for _ in range(20)), key=len)

    def show(self, instance: Instance) -> str:
        """Sets as text."""
        sets = "\n".join(f"Set {i}: {one}" for i, one in enumerate(instance["sets"]))
        return f"The elements are 0 to {instance['elements'] - 1}.\n{sets}"

    def value(self, instance: Instance, solution: Sequence[Any]) -> int:
        """Number of sets."""
        chosen = distinct(solution, len(instance["sets"]), "set")
        missing = set(range(instance["elements"])).difference(
            *(instance["sets"][i] for i in chosen)
        )
        if missing:
            raise Infeasible(f"no set holds the element {min(missing)}")
        return len(chosen)


def _greedy(rng: random.Random, elements: int, sets: Sequence[set[int]]) -> list[int]:
    """Greedy cover: repeatedly add a set that covers most, then remove redundant sets."""
    missing, chosen = set(range(elements)), list[int]()
    while missing:
        best = max(range(len(sets)), key=lambda i: (len(sets[i] & missing), rng.random()))
        chosen.append(best)
        missing -= sets[best]
    for i in rng.sample(chosen, len(chosen)):
        rest = set[int]().union(*(sets[j] for j in chosen if j != i))
        if len(rest) == elements:
            chosen.remove(i)
    return sorted(chosen)
