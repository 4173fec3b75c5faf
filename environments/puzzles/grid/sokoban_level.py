"""Sokoban rules and level text.

Signs are those of the XSB format, except ``_`` for the floor: ``#`` wall, ``.`` target, ``$`` box,
``*`` box on a target, ``@`` player, ``+`` player on a target.
"""

from __future__ import annotations

from dataclasses import dataclass

from envgym.environments.puzzles.grid.grid import Cell, drawn, step

_SIGNS = {  # box, player, target -> sign
    (False, False, False): "_",
    (False, False, True): ".",
    (True, False, False): "$",
    (True, False, True): "*",
    (False, True, False): "@",
    (False, True, True): "+",
}
_MEANING = {sign: what for what, sign in _SIGNS.items()}


@dataclass(frozen=True)
class Level:
    """Immutable part of a level: floor, targets, board size."""

    rows: int
    columns: int
    floor: frozenset[Cell]
    targets: frozenset[Cell]


@dataclass(frozen=True)
class State:
    """Mutable part of a level: positions of player and boxes."""

    player: Cell
    boxes: frozenset[Cell]


def is_solved(level: Level, state: State) -> bool:
    """Return whether every box is on a target."""
    return state.boxes <= level.targets


def moved(level: Level, state: State, direction: str) -> State | None:
    """State after a move; None where a wall or an immovable box blocks it."""
    there = step(state.player, direction)
    if there not in level.floor:
        return None
    if there not in state.boxes:
        return State(there, state.boxes)
    beyond = step(there, direction)
    if beyond not in level.floor or beyond in state.boxes:
        return None
    return State(there, state.boxes - {there} | {beyond})


def draw(level: Level, state: State) -> str:
    """Text of a level."""

    def sign(cell: Cell) -> str:
        if cell not in level.floor:
            return "#"
        return _SIGNS[cell in state.boxes, cell == state.player, cell in level.targets]

    rows, columns = range(level.rows), range(level.columns)
    return drawn([sign((r, c)) for c in columns] for r in rows)


def parse(text: str) -> tuple[Level, State]:
    """Read the level that `draw` wrote."""
    rows = [line.split() for line in text.splitlines()]
    signs = {(r, c): sign for r, row in enumerate(rows) for c, sign in enumerate(row)}
    meant = {cell: _MEANING[sign] for cell, sign in signs.items() if sign != "#"}
    boxes = frozenset(c for c, (box, _, _) in meant.items() if box)
    player = next(c for c, (_, player, _) in meant.items() if player)
    targets = frozenset(c for c, (_, _, target) in meant.items() if target)
    return Level(len(rows), len(rows[0]), frozenset(meant), targets), State(player, boxes)
