"""Graph instances: construction, text and lookups."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from typing import Any

from envgym.environments.puzzles.np.problem import Instance

Edge = tuple[int, int]


def graph(nodes: int, edges: Iterable[Edge]) -> dict[str, Any]:
    """Instance with nodes 0 to nodes - 1, each edge once, ends and edges ascending."""
    once = sorted({(min(e), max(e)) for e in edges})
    return {"nodes": nodes, "edges": [list(edge) for edge in once]}


def neighbours(instance: Instance) -> list[set[int]]:
    """Neighbours per node."""
    near: list[set[int]] = [set() for _ in range(instance["nodes"])]
    for a, b in instance["edges"]:
        near[a].add(b)
        near[b].add(a)
    return near


def random_edges(
    rng: random.Random, nodes: int, percent: Callable[[int, int], int]
) -> Iterable[Edge]:
    """Random edges; each pair has the probability ``percent(a, b)`` of 100."""
    return [(a, b) for b in range(nodes) for a in range(b) if rng.randrange(100) < percent(a, b)]


def shown(instance: Instance) -> str:
    """Graph as text."""
    pairs = " ".join(f"{a}-{b}" for a, b in instance["edges"])
    return f"The nodes are 0 to {instance['nodes'] - 1}. The edges are: {pairs}"


def greedy_clique(rng: random.Random, near: list[set[int]], tries: int) -> list[int]:
    """Large clique, by random greedy growth."""
    best: list[int] = []
    for _ in range(tries):
        clique: list[int] = []
        left = set(range(len(near)))
        while left:
            few = rng.sample(sorted(left), min(3, len(left)))
            node = max(few, key=lambda n: len(near[n] & left))
            clique.append(node)
            left &= near[node]
        best = max(best, clique, key=len)
    return sorted(best)
