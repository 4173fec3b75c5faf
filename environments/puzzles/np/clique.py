"""Maximum clique."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

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


class Clique(Problem):
    """As many nodes as possible that are all joined to each other."""

    name = "clique"
    asks = (
        "Find as many nodes as you can of which every two are joined by an edge. Answer with the "
        "list of these nodes."
    )
    goal = "max"
    sizes = (
        {"nodes": (12, 20), "planted": (4, 8), "percent": (40, 40)},
        {"nodes": (20, 30), "planted": (8, 12), "percent": (40, 40)},
        {"nodes": (30, 40), "planted": (12, 16), "percent": (40, 40)},
        {"nodes": (40, 50), "planted": (16, 20), "percent": (40, 40)},
    )
    method = (
        "begin with a node of many edges, keep to the nodes joined to all that you have, and add "
        "the one that leaves most of them."
    )

    def generate(self, rng: random.Random, size: Size) -> tuple[Instance, list[Any]]:
        """A random graph with a clique planted in it."""
        n, planted, percent = pick(rng, size).values()
        chosen = set(rng.sample(range(n), planted))
        instance = graph(n, random_edges(rng, n, lambda a, b: 100 if {a, b} <= chosen else percent))
        found = greedy_clique(rng, neighbours(instance), tries=20)
        return instance, max(sorted(chosen), found, key=len)

    def show(self, instance: Instance) -> str:
        """The graph."""
        return shown(instance)

    def value(self, instance: Instance, solution: Sequence[Any]) -> int:
        """The number of nodes."""
        nodes, near = distinct(solution, instance["nodes"], "node"), neighbours(instance)
        for i, a in enumerate(nodes):
            for b in nodes[:i]:
                if b not in near[a]:
                    raise Infeasible(f"the nodes {b} and {a} are not joined")
        return len(nodes)
