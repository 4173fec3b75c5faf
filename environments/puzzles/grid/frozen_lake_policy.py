"""Optimal policy on a frozen lake, as an upper bound for any agent.

Slippery ice moves the player as meant with probability 1/3, and to either side with 1/3
(Gymnasium). Value iteration over the moves left (Bellman 1957) gives the probability to reach the
goal within h moves, V_h(s) = max_a mean_slip V_{h-1}(s').
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from envgym.environments.puzzles.grid.grid import MOVES, Cell, step

SIDES = {
    "up": ("left", "right"),
    "down": ("left", "right"),
    "left": ("up", "down"),
    "right": ("up", "down"),
}


@dataclass(frozen=True)
class Lake:
    """Lake: size, holes, start and goal."""

    size: int
    holes: frozenset[Cell]
    start: Cell
    goal: Cell

    def move(self, cell: Cell, direction: str) -> Cell:
        """Cell after a move without slipping; unchanged at the edge."""
        there = step(cell, direction)
        return there if all(0 <= x < self.size for x in there) else cell


def reach(lake: Lake, horizon: int, *, slippery: bool) -> NDArray[np.float64]:
    """Optimal probability to reach the goal: [horizon + 1, size, size], by moves left and cell."""
    values = np.zeros((horizon + 1, lake.size, lake.size))
    values[:, *lake.goal] = 1.0
    for left in range(1, horizon + 1):
        values[left] = chances(lake, values[left - 1], slippery=slippery).max(0)
        values[left, *lake.goal] = 1.0
    return values


def chances(lake: Lake, after: NDArray[np.float64], *, slippery: bool) -> NDArray[np.float64]:
    """Probability to reach the goal per move: [4, size, size], in the order of `MOVES`.

    Args:
        after: The chance from each cell once the move is made, [size, size]; 0 in holes.
    """
    edged = np.pad(after, 1, mode="edge")  # a move off the board changes nothing
    size = lake.size
    there = {
        name: edged[1 + row : 1 + row + size, 1 + column : 1 + column + size]
        for name, (row, column) in MOVES.items()
    }
    chance = np.stack(
        [
            (there[m] + there[SIDES[m][0]] + there[SIDES[m][1]]) / 3 if slippery else there[m]
            for m in MOVES
        ]
    )
    for hole in lake.holes:
        chance[:, *hole] = 0.0
    return chance
