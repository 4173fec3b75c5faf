"""Boards of cells, as the puzzles played on them share them: moves, ways, how they look as text.

Positions are (row, column), counted from 0 at the top left.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

Cell = tuple[int, int]

MOVES: dict[str, Cell] = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}


def step(cell: Cell, move: str) -> Cell:
    """The neighbour of `cell` in the direction of `move`."""
    rows, columns = MOVES[move]
    return cell[0] + rows, cell[1] + columns


def shortest_ways(start: Cell, is_free: Callable[[Cell], bool]) -> dict[Cell, tuple[str, ...]]:
    """A shortest way from `start` to every free cell that can be reached, by breadth-first search.

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
    """A board as text: a sign a cell with spaces between, so that tokenizers part them alike."""
    return "\n".join(" ".join(row) for row in rows)
