"""Grid worlds: frozen lake, key and door, Sokoban."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envgym.utils.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from envgym.environments.puzzles.grid.grid import MOVES, Cell, drawn, shortest_ways, step

__all__ = ["MOVES", "Cell", "drawn", "shortest_ways", "step"]

__getattr__ = lazy_exports(
    __name__,
    {
        "grid": (
            "Cell",
            "MOVES",
            "step",
            "shortest_ways",
            "drawn",
        )
    },
)
