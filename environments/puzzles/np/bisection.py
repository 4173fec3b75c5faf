"""Balanced minimum bisection."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from envgym.environments.puzzles.np.graphs import graph, neighbours, random_edges, shown
from envgym.environments.puzzles.np.problem import (
    Infeasible,
    Instance,
    Problem,
    Size,
    distinct,
    pick,
)


class Bisection(Problem):
    """Divide the nodes into two halves with as few edges between them as possible."""

    name = "bisection"
    asks = (
        "Divide the nodes into two halves of equal size so that as few edges as possible run from "
        "one half to the other. Answer with the list of the nodes of one half."
    )
    goal = "min"
    sizes = (
        {"half": (21, 21), "inside": (20, 25), "across": (5, 8)},
        {"half": (22, 22), "inside": (20, 25), "across": (8, 11)},
        {"half": (23, 23), "inside": (20, 25), "across": (10, 13)},
        {"half": (25, 25), "inside": (20, 25), "across": (12, 15)},
    )
    method = (
        "begin with any two halves and swap the two nodes whose swap saves most edges, until no "
        "swap saves any."
    )

    def generate(self, rng: random.Random, size: Size) -> tuple[Instance, list[Any]]:
        """Two planted communities, more or less separate, with shuffled nodes."""
        half, inside, across = pick(rng, size).values()
        while True:
            one, instance = _communities(rng, half, inside, across)
            near = neighbours(instance)
            starts = [one, *(set(rng.sample(range(2 * half), half)) for _ in range(3))]
            best = min(
                (improve_by_swaps(near, start) for start in starts), key=lambda s: _cut(near, s)
            )
            if _cut(near, best):  # a cut of 0 would make the ratio undefined
                return instance, sorted(best)

    def show(self, instance: Instance) -> str:
        """Graph as text."""
        return shown(instance)

    def value(self, instance: Instance, solution: Sequence[Any]) -> int:
        """Number of edges between the halves."""
        nodes = distinct(solution, instance["nodes"], "node")
        if 2 * len(nodes) != instance["nodes"]:
            raise Infeasible(f"a half has {instance['nodes'] // 2} nodes, not {len(nodes)}")
        return _cut(neighbours(instance), set(nodes))


def _communities(
    rng: random.Random, half: int, inside: int, across: int
) -> tuple[set[int], Instance]:
    one = set(rng.sample(range(2 * half), half))

    def percent(a: int, b: int) -> int:
        return inside if (a in one) == (b in one) else across

    return one, graph(2 * half, random_edges(rng, 2 * half, percent))


def _cut(near: list[set[int]], half: set[int]) -> int:
    return sum(len(near[node] - half) for node in half)


def improve_by_swaps(near: list[set[int]], half: set[int]) -> set[int]:
    """Locally optimal half, from `half` by swaps of two nodes that remove edges from the cut."""
    half = set(half)
    while True:
        # Edges saved by moving one node alone; a joined pair saves two fewer.
        save = [
            len(mates - half) - len(mates & half)
            if node in half
            else len(mates & half) - len(mates - half)
            for node, mates in enumerate(near)
        ]
        others = set(range(len(near))) - half
        gain, a, b = max(
            (save[a] + save[b] - 2 * (b in near[a]), a, b) for a in half for b in others
        )
        if gain <= 0:
            return half
        half ^= {a, b}
