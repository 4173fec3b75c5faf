"""Longest cycle; at best a Hamiltonian one."""

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


class Cycle(Problem):
    """Find a round trip along edges through as many nodes as possible."""

    name = "cycle"
    asks = (
        "Find a cycle through as many nodes as you can: each node is joined by an edge to the "
        "next, the last one to the first, and none comes twice. Answer with the list of the nodes "
        "in the order of the cycle."
    )
    goal = "max"
    sizes = (
        {"nodes": (15, 20), "percent": (20, 20)},
        {"nodes": (20, 30), "percent": (30, 30)},
        {"nodes": (30, 40), "percent": (40, 40)},
        {"nodes": (40, 50), "percent": (50, 50)},
    )
    method = (
        "go to nodes with few edges first, close the cycle, and put a node that is left between "
        "two neighbours of the cycle that are both joined to it."
    )
    ordered = True

    def generate(self, rng: random.Random, size: Size) -> tuple[Instance, list[Any]]:
        """Planted cycle through all nodes, which is optimal, plus random edges."""
        n, percent = pick(rng, size).values()
        planted = rng.sample(range(n), n)
        around = [(planted[i - 1], node) for i, node in enumerate(planted)]
        return graph(n, [*random_edges(rng, n, lambda a, b: percent), *around]), planted

    def show(self, instance: Instance) -> str:
        """Graph as text."""
        return shown(instance)

    def value(self, instance: Instance, solution: Sequence[Any]) -> int:
        """Number of nodes."""
        nodes, near = distinct(solution, instance["nodes"], "node"), neighbours(instance)
        if len(nodes) < 3:
            raise Infeasible("a cycle has three nodes or more")
        for i, node in enumerate(nodes):
            if node not in near[nodes[i - 1]]:
                raise Infeasible(f"the nodes {nodes[i - 1]} and {node} are not joined")
        return len(nodes)
