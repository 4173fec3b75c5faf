"""The exact optimum on a frozen lake: what a policy that always knows where it stands can reach.

On slippery ice (Gymnasium's: a move goes where it is meant to with chance 1/3, and to either side
of that with 1/3 each) it is found by value iteration over the moves that are left (Bellman 1957):
the chance to reach the goal within h moves, V_h(s) = max_a mean_slip V_{h-1}(s').
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
    """A lake: its size, its holes, where one starts and is to go."""

    size: int
    holes: frozenset[Cell]
    start: Cell
    goal: Cell

    def move(self, cell: Cell, direction: str) -> Cell:
        """Where a move leads that does not slip; at the edge, nowhere."""
        there = step(cell, direction)
        return there if all(0 <= x < self.size for x in there) else cell


def reach(lake: Lake, horizon: int, *, slippery: bool) -> NDArray[np.float64]:
    """The best chance of reaching the goal: [horizon + 1, size, size], by moves left and cell."""
    values = np.zeros((horizon + 1, lake.size, lake.size))
    values[:, *lake.goal] = 1.0
    for left in range(1, horizon + 1):
        values[left] = chances(lake, values[left - 1], slippery=slippery).max(0)
        values[left, *lake.goal] = 1.0
    return values


def chances(lake: Lake, after: NDArray[np.float64], *, slippery: bool) -> NDArray[np.float64]:
    """The chance of reaching the goal by each move, [4, size, size], in the order of `MOVES`.

    Args:
        after: The chance from each cell once the move is made, [size, size]; 0 in holes.
    """
    edged = np.pad(after, 1, mode="edge")  # a move against the edge stays where it is
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
