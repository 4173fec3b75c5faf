"""``puzzles/frozen-lake-v1``: walk over ice to the goal, around the holes.

Gymnasium's FrozenLake as text, as in RAGEN and VAGEN: a board, several moves per message. Without
slipping, planning is enough; on slippery ice the optimum is a policy.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from itertools import pairwise

import numpy as np

from envgym.environments.attempts import calls
from envgym.environments.graded_hints import call_text, counted, graded
from envgym.environments.puzzles.grid.frozen_lake_policy import SIDES, Lake, chances, reach
from envgym.environments.puzzles.grid.grid import MOVES, Cell, drawn, shortest_ways
from envgym.environments.puzzles.grid.grid_env import GridEnv, boards, directions
from envgym.environments.puzzles.grid.levels import levels
from envgym.errors import UsageError
from envgym.messages import Action, Message, system, user
from envgym.task import Task, TaskSource
from envgym.trajectory import Episode

RULES = (
    "Walk over the ice to the goal. P is you, _ is ice, O a hole that ends it all, G the goal. "
    "Move up, down, left or right, at most {bound} moves a message.{slip}"
)
SLIP = " The ice is slippery: one move in three goes where it is meant to, the others to a side."


class FrozenLake(GridEnv):
    """Grid walk over ice to a goal, past holes.

    Gymnasium's FrozenLake as text, with several moves per message as in RAGEN and VAGEN. Without
    slipping, planning is enough; with slipping, the optimum is a policy.

    Actions:
        ``move(directions)``: words out of up, down, left, right, at most ``max_actions``.

    Observations:
        The board after the moves: ``P`` player, ``_`` ice, ``O`` hole, ``G`` goal, ``X`` player in
        a hole, ``!`` player at the goal. The board is the state's name (`anchor`) too.

    Rewards:
        At the end the score: 1.0 at the goal, 0.0 in a hole or out of turns. Minus ``step_penalty``
        per move and ``invalid_penalty`` per message that contains something other than a move.

    Episode end:
        Terminated at the goal or in a hole; truncated after 16 turns.

    Hints:
        The direction of the goal and the length of a shortest path; the attempt's fall or its first
        step back; the first half of a path, then all but its last move (on slippery ice how to pass
        a hole, and the safest first move).

    Info:
        Metrics ``moves``, ``blocked`` (moves that changed nothing), ``fell``, ``invalid``
        (messages) and those of `ToolEnv`. The difficulty of a task is the length of a shortest
        path.

    Args:
        seed: Seed of the boards.
        levels: Number of boards per split.
        size: Rows and columns of the board, 3 to 16.
        holes: Expected share of cells that are holes, at most 0.5.
        slippery: Whether a move goes where it is meant to with probability 1/3 and to either side
            with 1/3, as in Gymnasium. The oracle then plays the optimal policy, one move per turn;
            ``task.hidden["chance"]`` is its probability to reach the goal within the turns.
        max_actions: Maximum number of moves per message.
        step_penalty: Subtracted from the reward per move.
        invalid_penalty: Subtracted from the reward per message with an invalid move.
        max_turns: Turns before truncation; 16 by default.

    Version history:
        v1: first release.
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
        """Boards with a goal in reach; difficulty is the length of a shortest path."""
        return levels(self._draw, count=self._levels, seed=f"lake:{self._seed}", split=split)

    def corpus_text(self) -> Iterator[str]:
        """Rules and moves, as training text for a tokenizer."""
        yield RULES.format(bound=self._max_actions, slip=SLIP if self._slippery else "")
        yield from (f"{one} {other}" for one in MOVES for other in MOVES)

    async def start(self, task: Task) -> Sequence[Message]:
        """Rules and board."""
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
        """Board text; X marks a player in a hole, ! one at the goal."""
        at_goal = self._at == self._lake.goal
        sign = "!" if at_goal else "X" if self._at in self._lake.holes else "P"
        return draw(self._lake, self._at, sign)

    async def oracle(self) -> AsyncIterator[Action]:
        """A shortest path; on slippery ice the optimal move, one per turn."""
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
        """A shortest path without its last move, and without its first."""
        lake = parse(self.task.data["map"])
        way = _way(lake, lake.start)
        return [self.moves(way[:-1]), self.moves(way[1:])]

    def hints(self, attempt: Episode | None = None) -> Sequence[str]:
        """Goal and length of a path, the first wrong move, then the beginning of a path."""
        lake = parse(self.task.data["map"])
        slippery = self.task.data["slippery"]
        way = _way(lake, lake.start)
        rows, columns = (g - s for g, s in zip(lake.goal, lake.start, strict=True))
        plan = (
            f"the goal is {_far(rows, 'down', 'up')} and {_far(columns, 'right', 'left')}; "
            f"without slipping, {len(way)} moves around the holes are enough."
        )
        cues = self.cues(way)
        if slippery:
            after = reach(lake, type(self).max_turns, slippery=True)[-1]
            chance = chances(lake, after, slippery=True)[:, *lake.start]
            first = call_text("move", directions=[*MOVES][int(np.argmax(chance))])
            cues = [
                "beside a hole, move away from it: you slide along it, not into it.",
                f"one move a message; the safest first one is {first}.",
            ]
        feedback = _first_mistake(lake, attempt, slippery=slippery)
        return graded(self.task, attempt, plan, feedback, cues)

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
    """Text of a lake, with `sign` at the player's cell."""
    board = [["_"] * lake.size for _ in range(lake.size)]
    for row, column in lake.holes:
        board[row][column] = "O"
    board[lake.goal[0]][lake.goal[1]] = "G"
    board[at[0]][at[1]] = sign
    return drawn(board)


def parse(text: str) -> Lake:
    """Read the lake that `draw` wrote, with the player at its start."""
    rows = [line.split() for line in text.splitlines()]
    cells = {(r, c): sign for r, row in enumerate(rows) for c, sign in enumerate(row)}
    signs = {sign: cell for cell, sign in cells.items()}
    holes = frozenset(cell for cell, sign in cells.items() if sign == "O")
    return Lake(len(rows), holes, signs["P"], signs["G"])


def _way(lake: Lake, start: Cell) -> tuple[str, ...]:
    """Shortest path to the goal; empty where there is none."""

    def is_free(cell: Cell) -> bool:
        return all(0 <= x < lake.size for x in cell) and cell not in lake.holes

    return shortest_ways(start, is_free).get(lake.goal, ())


def _first_mistake(lake: Lake, attempt: Episode | None, *, slippery: bool) -> str:
    """The fall, or else the first message that led away from the goal, or the turns that ran out.

    On slippery ice a step back may be chance, so the last two are left out there.
    """
    seen = boards(attempt, lake.size)
    if not calls(attempt):
        return ""
    cells = [_player(board) for board in seen]
    if cells[-1] in lake.holes:
        row, column = cells[-1]
        asked = " ".join(directions(attempt, len(seen) - 2))
        return (
            f"message {len(seen) - 1} ({asked}) ended in the hole in row {row}, column {column} "
            "(from 0): step on no O."
        )
    left = [len(_way(lake, cell)) if cell else None for cell in cells]
    for number, (before, after) in enumerate(pairwise(left), 1):
        if before is not None and after is not None and after > before and not slippery:
            asked = " ".join(directions(attempt, number - 1))
            return (
                f"message {number} ({asked}) led away from the goal: {counted(before, 'move')} "
                f"away before it, {after} after it."
            )
    if left[-1]:
        far = counted(left[-1], "move")
        return f"it ended {far} before the goal: several moves fit into a message."
    return ""


def _player(board: str) -> Cell | None:
    """Cell of the player on a board; None where the text is no such board."""
    for row, line in enumerate(board.splitlines()):
        for column, sign in enumerate(line.split()):
            if sign in ("P", "X", "!"):
                return row, column
    return None


def _far(distance: int, forward: str, back: str) -> str:
    return f"{abs(distance)} {forward if distance >= 0 else back}"
