"""Optimal Sokoban solver: fewest moves, by A* (Hart, Nilsson, Raphael 1968).

The heuristic is the number of pushes that each box alone needs to its nearest target. It is
admissible, as a push moves one box by one cell. Where it is infinite the box is stuck for good,
which prunes most of the search.
"""

from __future__ import annotations

import heapq
from collections import deque
from itertools import count

from envgym.environments.puzzles.grid.grid import MOVES, Cell, step
from envgym.environments.puzzles.grid.sokoban_level import Level, State, is_solved, moved

LIMIT = 20_000
"""Maximum number of states per search."""


def push_distances(level: Level) -> dict[Cell, int]:
    """Pushes from each cell to the nearest target on an otherwise empty board; dead cells are
    absent.

    Found backwards, by pulling from the targets: a pull towards a cell needs a second free one
    behind it, for who pulls.
    """
    distances = dict.fromkeys(level.targets, 0)
    queue = deque(sorted(level.targets))
    while queue:
        cell = queue.popleft()
        for move in MOVES:
            before = step(cell, move)
            puller = step(before, move)
            if before in level.floor and puller in level.floor and before not in distances:
                distances[before] = distances[cell] + 1
                queue.append(before)
    return distances


def solve(level: Level, state: State, limit: int = LIMIT) -> tuple[str, ...] | None:
    """Moves of a shortest solution.

    Returns:
        None where there is none, or none was found within `limit` states.
    """
    distances = push_distances(level)

    def pushes_left(boxes: frozenset[Cell]) -> int | None:
        try:
            return sum(distances[box] for box in boxes)
        except KeyError:
            return None

    least = pushes_left(state.boxes)
    if least is None:
        return None
    order = count()  # ties: first found, so that the solution is deterministic
    queue: list[tuple[int, int, State]] = [(least, next(order), state)]
    ways: dict[State, tuple[str, ...]] = {state: ()}
    done: set[State] = set()
    while queue and len(done) < limit:
        _, _, here = heapq.heappop(queue)
        if here in done:
            continue
        done.add(here)
        way = ways[here]
        if is_solved(level, here):
            return way
        for move in MOVES:
            there = moved(level, here, move)
            if there is None or (there in ways and len(ways[there]) <= len(way) + 1):
                continue
            left = pushes_left(there.boxes)
            if left is not None:
                ways[there] = (*way, move)
                heapq.heappush(queue, (len(way) + 1 + left, next(order), there))
    return None
