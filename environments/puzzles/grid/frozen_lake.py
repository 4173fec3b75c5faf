"""``puzzles/frozen-lake-v1``: over the ice to the goal, around the holes.

Gymnasium's FrozenLake as a text that RAGEN and VAGEN play: a board, several moves a message. On ice
that does not slip planning is enough; on slippery ice the exact optimum is a policy.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence

import numpy as np

from envgym.environments.puzzles.grid.frozen_lake_policy import SIDES, Lake, chances, reach
from envgym.environments.puzzles.grid.grid import MOVES, Cell, drawn, shortest_ways
from envgym.environments.puzzles.grid.grid_env import GridEnv
from envgym.environments.puzzles.grid.levels import levels
from envgym.errors import UsageError
from envgym.messages import Action, Message, system, user
from envgym.stop_reason import StopReason
from envgym.task import Task, TaskSource
from envgym.trajectory import Episode

RULES = (
    "Walk over the ice to the goal. P is you, _ is ice, O a hole that ends it all, G the goal. "
    "Move up, down, left or right, at most {bound} moves a message.{slip}"
)
SLIP = " The ice is slippery: one move in three goes where it is meant to, the others to a side."


class FrozenLake(GridEnv):
    """Grid walk over thin ice to a goal, past holes.

    Reach the goal: score 1; fall into a hole, or run out of turns: 0.

    Args:
        seed, levels: Of the lakes; so many in each split.
        size: Rows and columns, 3 to 16.
        holes: Share of the cells that are holes, on average; 0.5 at most.
        slippery: Whether moves slip to a side, as in Gymnasium. The oracle then plays the exact
            optimum of looking after each move; even that may fall, and `task.hidden["chance"]` says
            how often it gets there within the turns.
        max_actions: Moves a message may hold.
        step_penalty, invalid_penalty: Taken off the reward for each move, and for each message in
            which something was no move. Shaping: the score does not know of them.
    """

    max_turns = 16

    def __init__(
        self,
        *,
        seed: int = 0,
        levels: int = 2000,
        size: int = 4,
        holes: float = 0.2,
        slippery: bool = False,
        max_actions: int = 5,
        step_penalty: float = 0.0,
        invalid_penalty: float = 0.0,
        max_turns: int | None = None,
    ) -> None:
        super().__init__(
            max_actions=max_actions,
            step_penalty=step_penalty,
            invalid_penalty=invalid_penalty,
            max_turns=max_turns,
        )
        if not 3 <= size <= 16:
            raise UsageError(f"size must be within 3..16, not {size}")
        if not 0 <= holes <= 0.5:
            raise UsageError(f"holes is a share, in [0, 0.5], not {holes}")
        if self.bound < size - 1:
            raise UsageError(
                f"{self.bound} moves are too few for size {size}: raise max_turns or max_actions"
            )
        self._seed, self._levels = seed, levels
        self._size, self._holes, self._slippery = size, holes, slippery

    def tasks(self, split: str = "train") -> TaskSource:
        """Lakes on which the goal can be reached in time; difficulty is the fewest moves to it."""
        return levels(self._draw, count=self._levels, seed=f"lake:{self._seed}", split=split)

    def corpus_text(self) -> Iterator[str]:
        """The rules and the moves, for training a tokenizer."""
        yield RULES.format(bound=self._max_actions, slip=SLIP if self._slippery else "")
        yield from (f"{one} {other}" for one in MOVES for other in MOVES)

    async def start(self, task: Task) -> Sequence[Message]:
        """The rules and the lake."""
        self._lake = parse(task.data["map"])
        self._at = self._lake.start
        slip = SLIP if task.data["slippery"] else ""
        rules = RULES.format(bound=self._max_actions, slip=slip)
        return system(rules), user(self.look())

    def move_once(self, direction: str) -> bool:
        """Move, or slip to a side."""
        if self.task.data["slippery"]:
            direction = self.rng.choice((direction, *SIDES[direction]))
        before, self._at = self._at, self._lake.move(self._at, direction)
        if self._at == self._lake.goal:
            self.end(1.0)
        elif self._at in self._lake.holes:
            self.metrics["fell"] = 1.0
            self.end(0.0)
        return self._at != before

    def board(self) -> str:
        """The lake, with an X for who fell and a ! for who arrived."""
        at_goal = self._at == self._lake.goal
        sign = "!" if at_goal else "X" if self._at in self._lake.holes else "P"
        return draw(self._lake, self._at, sign)

    async def oracle(self) -> AsyncIterator[Action]:
        """A shortest way; on slippery ice the move with the best chance, one at a time."""
        if not self.task.data["slippery"]:
            way = _way(self._lake, self._at)
            for action in self.moves(way):
                yield action
            return
        values = reach(self._lake, self.max_turns, slippery=True)
        while not self.ended and self.turn < self.max_turns:
            after = values[self.max_turns - self.turn - 1]
            best = int(np.argmax(chances(self._lake, after, slippery=True)[:, *self._at]))
            yield Action.call("move", directions=[*MOVES][best])

    def near_misses(self) -> Iterable[Sequence[Action]]:
        """A shortest way without its last move, and without its first."""
        lake = parse(self.task.data["map"])
        way = _way(lake, lake.start)
        return [self.moves(way[:-1]), self.moves(way[1:])]

    def hints(self, attempt: Episode | None = None) -> Sequence[str]:
        """Where the goal lies, how far it is, how to begin; first what went wrong, if it did."""
        lake = parse(self.task.data["map"])
        rows, columns = (g - s for g, s in zip(lake.goal, lake.start, strict=True))
        way = _way(lake, lake.start)
        hints = [
            f"Hint: the goal is {_far(rows, 'down', 'up')} and {_far(columns, 'right', 'left')}.",
            f"Hint: without slipping, {len(way)} moves are enough.",
        ]
        if self.task.data["slippery"]:
            hints.append("Hint: beside a hole, move away from it: you slide along it, not into it.")
        else:
            hints.append(f"Hint: begin with {', then '.join(way[: len(way) // 2])}.")
        if attempt is not None and attempt.metrics.get("fell"):
            hints.insert(0, "Hint: you fell into a hole: step on no O.")
        elif attempt is not None and attempt.stop_reason is StopReason.MAX_TURNS:
            hints.insert(0, "Hint: the turns ran out: several moves fit into a message.")
        return hints

    def _draw(self, rng: random.Random) -> Task | None:
        cells = [(r, c) for r in range(self._size) for c in range(self._size)]
        start, goal = rng.sample(cells, 2)
        holes = {c for c in cells if c not in (start, goal) and rng.random() < self._holes}
        lake = Lake(self._size, frozenset(holes), start, goal)
        way = _way(lake, start)
        if not max(2, self._size - 1) <= len(way) <= self.bound:
            return None
        data = {"map": draw(lake, start), "slippery": self._slippery}
        hidden: dict[str, object] = {"path": " ".join(way)}
        if self._slippery:
            chance = reach(lake, self.max_turns, slippery=True)[-1, *start]
            hidden = {"chance": round(float(chance), 6)}
        return Task(data, hidden, "train", len(way))


def draw(lake: Lake, at: Cell, sign: str = "P") -> str:
    """A lake as text, with `sign` where somebody stands."""
    board = [["_"] * lake.size for _ in range(lake.size)]
    for row, column in lake.holes:
        board[row][column] = "O"
    board[lake.goal[0]][lake.goal[1]] = "G"
    board[at[0]][at[1]] = sign
    return drawn(board)


def parse(text: str) -> Lake:
    """The lake that `draw` drew, with somebody at its start."""
    rows = [line.split() for line in text.splitlines()]
    cells = {(r, c): sign for r, row in enumerate(rows) for c, sign in enumerate(row)}
    signs = {sign: cell for cell, sign in cells.items()}
    holes = frozenset(cell for cell, sign in cells.items() if sign == "O")
    return Lake(len(rows), holes, signs["P"], signs["G"])


def _way(lake: Lake, start: Cell) -> tuple[str, ...]:
    """A shortest way to the goal; empty where there is none."""

    def is_free(cell: Cell) -> bool:
        return all(0 <= x < lake.size for x in cell) and cell not in lake.holes

    return shortest_ways(start, is_free).get(lake.goal, ())


def _far(distance: int, forward: str, back: str) -> str:
    return f"{abs(distance)} {forward if distance >= 0 else back}"
