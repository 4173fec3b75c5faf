"""Grid primitives: moves, shortest paths, board text.

Positions are (row, column), counted from 0 at the top left.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

Cell = tuple[int, int]

MOVES: dict[str, Cell] = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}


def step(cell: Cell, move: str) -> Cell:
    """Neighbour of `cell` in the direction of `move`."""
    rows, columns = MOVES[move]
    return cell[0] + rows, cell[1] + columns


def shortest_ways(start: Cell, is_free: Callable[[Cell], bool]) -> dict[Cell, tuple[str, ...]]:
    """Shortest path from `start` to each reachable free cell, by breadth-first search.

    Of several the one whose moves come first in the order of `MOVES`.
    """
    ways: dict[Cell, tuple[str, ...]] = {start: ()}
    queue = deque([start])
    while queue:
        cell = queue.popleft()
        for move in MOVES:
            neighbour = step(cell, move)
            if neighbour not in ways and is_free(neighbour):
                ways[neighbour] = (*ways[cell], move)
                queue.append(neighbour)
    return ways


def drawn(rows: Iterable[Iterable[str]]) -> str:
    """Board text: one sign per cell, separated by spaces so that tokenizers split them alike."""
    return "\n".join(" ".join(row) for row in rows)
