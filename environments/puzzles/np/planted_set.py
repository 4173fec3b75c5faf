"""Planted node sets: the base of maximum clique and of its complement, maximum independent set."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, ClassVar

from envgym.environments.puzzles.np.graphs import (
    graph,
    greedy_clique,
    neighbours,
    random_edges,
    shown,
)
from envgym.environments.puzzles.np.problem import (
    Infeasible,
    Instance,
    Problem,
    Size,
    distinct,
    pick,
)


class PlantedSet(Problem):
    """Find as many nodes as possible that are pairwise joined, or pairwise not.

    Attributes:
        joined: Whether every two of them must be joined; else no two may be.
    """

    joined: ClassVar[bool]
    goal = "max"
    sizes = (
        {"nodes": (12, 20), "planted": (4, 8), "percent": (40, 40)},
        {"nodes": (20, 30), "planted": (8, 12), "percent": (40, 40)},
        {"nodes": (30, 40), "planted": (12, 16), "percent": (40, 40)},
        {"nodes": (40, 50), "planted": (16, 20), "percent": (40, 40)},
    )

    def generate(self, rng: random.Random, size: Size) -> tuple[Instance, list[Any]]:
        """Random graph with a planted set."""
        n, planted, percent = pick(rng, size).values()
        chosen, within = set(rng.sample(range(n), planted)), 100 if self.joined else 0
        edges = random_edges(rng, n, lambda a, b: within if {a, b} <= chosen else percent)
        instance = graph(n, edges)
        near = neighbours(instance)
        if not self.joined:
            near = [set(range(n)) - near[node] - {node} for node in range(n)]
        return instance, max(sorted(chosen), greedy_clique(rng, near, tries=20), key=len)

    def show(self, instance: Instance) -> str:
        """Graph as text."""
        return shown(instance)

    def value(self, instance: Instance, solution: Sequence[Any]) -> int:
        """Number of nodes."""
        nodes, near = distinct(solution, instance["nodes"], "node"), neighbours(instance)
        for i, a in enumerate(nodes):
            for b in nodes[:i]:
                if (b in near[a]) != self.joined:
                    are = "are not" if self.joined else "are"
                    raise Infeasible(f"the nodes {b} and {a} {are} joined")
        return len(nodes)
