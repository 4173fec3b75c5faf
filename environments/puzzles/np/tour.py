"""Travelling salesman."""

from __future__ import annotations

import math
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


class Tour(Problem):
    """Find a round trip through all cities, as short as possible."""

    name = "tour"
    asks = (
        "Find a round trip, as short as you can, that visits every city once and returns to where "
        "it began. A distance is the straight line's length, rounded to a whole number. Answer "
        "with the list of the cities in the order of the trip."
    )
    goal = "min"
    sizes = (
        {"cities": (10, 20)},
        {"cities": (20, 30)},
        {"cities": (35, 45)},
        {"cities": (45, 55)},
    )
    method = (
        "go to the nearest city that is left, again and again; then wherever the way crosses "
        "itself, turn the stretch between the crossing round."
    )
    ordered = True

    def generate(self, rng: random.Random, size: Size) -> tuple[Instance, list[Any]]:
        """Cities at distinct points of a square."""
        [n] = pick(rng, size).values()
        places = [divmod(place, 100) for place in rng.sample(range(100 * 100), n)]
        instance = {"cities": [list(place) for place in places]}
        gaps = _distances(instance)
        starts = rng.sample(range(n), min(n, 6))
        return instance, min((two_opt(gaps, s) for s in starts), key=lambda t: _length(gaps, t))

    def show(self, instance: Instance) -> str:
        """Coordinates of the cities as text."""
        return "\n".join(f"City {i}: {x}, {y}" for i, (x, y) in enumerate(instance["cities"]))

    def value(self, instance: Instance, solution: Sequence[Any]) -> int:
        """Length of the trip."""
        trip = distinct(solution, len(instance["cities"]), "city")
        if len(trip) != len(instance["cities"]):
            raise Infeasible(f"it visits {len(trip)} of {len(instance['cities'])} cities")
        return _length(_distances(instance), trip)


def _distances(instance: Instance) -> list[list[int]]:
    """Distance matrix of the cities."""
    return [[round(math.dist(a, b)) for b in instance["cities"]] for a in instance["cities"]]


def _length(gaps: Sequence[Sequence[int]], trip: Sequence[int]) -> int:
    return sum(gaps[trip[i - 1]][city] for i, city in enumerate(trip))


def two_opt(gaps: Sequence[Sequence[int]], start: int) -> list[int]:
    """Nearest-neighbour tour from `start`, improved by 2-opt."""
    trip, left = [start], set(range(len(gaps))) - {start}
    while left:
        trip.append(min(left, key=lambda city: (gaps[trip[-1]][city], city)))
        left.remove(trip[-1])
    shorter = True
    while shorter:
        shorter = False
        for j in range(2, len(trip)):
            c, d = trip[j], trip[(j + 1) % len(trip)]
            for i in range(j - 1):
                a, b = trip[i], trip[i + 1]
                if gaps[a][c] + gaps[b][d] < gaps[a][b] + gaps[c][d]:
                    trip[i + 1 : j + 1] = reversed(trip[i + 1 : j + 1])
                    c, shorter = trip[j], True
    return trip
