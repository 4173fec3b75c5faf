"""Graph colouring."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from envgym.environments.puzzles.np.graphs import graph, neighbours, random_edges, shown
from envgym.environments.puzzles.np.problem import Infeasible, Instance, Problem, Size, pick, whole


class Coloring(Problem):
    """Colour the nodes with as few colours as possible, neighbours differently."""

    name = "coloring"
    asks = (
        "Give every node a colour so that nodes joined by an edge differ, with as few colours as "
        "you can. Colours are the numbers 0, 1, 2, … Answer with the list of the colours of node "
        "0, node 1 and so on."
    )
    goal = "min"
    sizes = (
        {"nodes": (8, 12), "colours": (3, 4), "percent": (20, 20)},
        {"nodes": (15, 22), "colours": (4, 6), "percent": (35, 35)},
        {"nodes": (25, 32), "colours": (6, 8), "percent": (50, 50)},
        {"nodes": (32, 40), "colours": (6, 8), "percent": (50, 50)},
    )
    method = (
        "colour next the node whose neighbours show most different colours, with the first colour "
        "that none of them has."
    )
    ordered = True

    def generate(self, rng: random.Random, size: Size) -> tuple[Instance, list[Any]]:
        """Random graph around a planted colouring."""
        n, colours, percent = pick(rng, size).values()
        planted = [rng.randrange(colours) for _ in range(n)]
        instance = graph(
            n, random_edges(rng, n, lambda a, b: 0 if planted[a] == planted[b] else percent)
        )
        found = dsatur(neighbours(instance))
        return instance, min(found, planted, key=lambda colouring: len(set(colouring)))

    def show(self, instance: Instance) -> str:
        """Graph as text."""
        return shown(instance)

    def value(self, instance: Instance, solution: Sequence[Any]) -> int:
        """Number of colours."""
        n = instance["nodes"]
        if len(solution) != n:
            raise Infeasible(f"there are {n} nodes, and {len(solution)} colours")
        colours = [whole(colour, n, "colour") for colour in solution]
        for a, b in instance["edges"]:
            if colours[a] == colours[b]:
                raise Infeasible(f"the nodes {a} and {b} are joined and have the same colour")
        return len(set(colours))


def dsatur(near: list[set[int]]) -> list[int]:
    """Colouring by DSATUR (Brélaz 1979)."""
    colours: dict[int, int] = {}
    while len(colours) < len(near):
        taken = {
            node: {colours[other] for other in near[node] if other in colours}
            for node in range(len(near))
            if node not in colours
        }
        node = max(taken, key=lambda n: (len(taken[n]), len(near[n])))
        colours[node] = next(c for c in range(len(near)) if c not in taken[node])
    return [colours[node] for node in range(len(near))]
