"""``puzzles/sokoban-v1``: push boxes onto targets; a wrong push may be irreversible.

The text game of RAGEN and VAGEN on generated levels, each with a known shortest solution. Moves are
deterministic and pushes cannot be undone: planning comes before moving.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from itertools import pairwise

from envgym.environments.attempts import calls
from envgym.environments.graded_hints import graded
from envgym.environments.puzzles.grid.grid import MOVES, Cell
from envgym.environments.puzzles.grid.grid_env import GridEnv, boards, directions
from envgym.environments.puzzles.grid.levels import levels
from envgym.environments.puzzles.grid.sokoban_level import (
    Level,
    State,
    draw,
    is_solved,
    moved,
    parse,
)
from envgym.environments.puzzles.grid.sokoban_solver import push_distances, solve
from envgym.errors import UsageError
from envgym.messages import Action, Message, system, user
from envgym.task import Task, TaskSource
from envgym.trajectory import Episode

RULES = (
    "Push every box onto a target. @ is you, $ a box, . a target, # a wall, _ floor, * a box on a "
    "target, + you on one. You push the box you walk into and cannot pull. Move up, down, left or "
    "right, at most {bound} moves a message."
)
_FEWEST = 3  # minimum moves of a level's solution
_SEARCHED = 1_000  # maximum states searched per drawn level, to keep drawing fast


class Sokoban(GridEnv):
    """Sokoban puzzle: push every box onto a target.

    The text game of RAGEN and VAGEN on generated levels, each with a known shortest solution.
    Pushes cannot be undone, so planning comes before moving.

    Actions:
        ``move(directions)``: words out of up, down, left, right, at most ``max_actions``.

    Observations:
        The level in XSB signs: ``@`` player, ``$`` box, ``.`` target, ``#`` wall, ``_`` floor,
        ``*`` box on a target, ``+`` player on a target. It is the state's name (`anchor`) too.

    Rewards:
        At the end the score: 1.0 with every box on a target, 0.0 out of turns. Minus
        ``step_penalty`` per move and ``invalid_penalty`` per message that contains something other
        than a move; plus ``box_reward`` per box moved onto a target, taken back when it leaves.

    Episode end:
        Terminated when solved; truncated after 16 turns. A stuck box does not end the episode.

    Hints:
        The numbers of moves and pushes needed; the attempt's message after which a box was stuck,
        or the boxes left; the first push, the first half of a solution, all but its last move.

    Info:
        Metrics ``moves``, ``blocked`` (moves that changed nothing), ``stuck`` (1 once a box cannot
        reach a target), ``invalid`` (messages) and those of `ToolEnv`. The difficulty of a task is
        the length of a shortest solution.

    Args:
        seed: Seed of the levels.
        levels: Number of levels per split.
        size: Rows and columns of the board, outer wall included, 5 to 8.
        boxes: Number of boxes, 1 to 3.
        walls: Expected share of inner cells that are walls, at most 0.5.
        max_actions: Maximum number of moves per message.
        step_penalty: Subtracted from the reward per move.
        invalid_penalty: Subtracted from the reward per message with an invalid move.
        box_reward: Reward per box moved onto a target, subtracted again when it leaves.
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
        size: int = 6,
        boxes: int = 1,
        walls: float = 0.15,
        max_actions: int = 5,
        step_penalty: float = 0.0,
        invalid_penalty: float = 0.0,
        box_reward: float = 0.0,
        max_turns: int | None = None,
    ) -> None:
        super().__init__(
            max_actions=max_actions,
            step_penalty=step_penalty,
            invalid_penalty=invalid_penalty,
            max_turns=max_turns,
        )
        if not 5 <= size <= 8:
            raise UsageError(f"size must be within 5..8, not {size}")
        if not 1 <= boxes <= 3:
            raise UsageError(f"boxes must be within 1..3, not {boxes}")
        if not 0 <= walls <= 0.5:
            raise UsageError(f"walls is a share, in [0, 0.5], not {walls}")
        self._seed, self._levels = seed, levels
        self._size, self._boxes, self._walls = size, boxes, walls
        self._box_reward = box_reward

    def tasks(self, split: str = "train") -> TaskSource:
        """Levels solvable within the turns; difficulty is the length of a shortest solution."""
        return levels(self._draw, count=self._levels, seed=f"sokoban:{self._seed}", split=split)

    def corpus_text(self) -> Iterator[str]:
        """Rules and moves, as training text for a tokenizer."""
        yield RULES.format(bound=self._max_actions)
        yield from (f"{one} {other}" for one in MOVES for other in MOVES)

    async def start(self, task: Task) -> Sequence[Message]:
        """Rules and level."""
        self._level, self._state = parse(task.data["level"])
        self._open = frozenset(push_distances(self._level))
        return system(RULES.format(bound=self._max_actions)), user(self.look())

    def move_once(self, direction: str) -> bool:
        """Walk or push."""
        after = moved(self._level, self._state, direction)
        if after is None:
            return False
        before, self._state = self._state, after
        gained = self._placed(after) - self._placed(before)
        if gained:
            self.add_reward(self._box_reward * gained)
        if not after.boxes <= self._open:
            self.metrics["stuck"] = 1.0
        if is_solved(self._level, after):
            self.end(1.0)
        return True

    def board(self) -> str:
        """Current level text."""
        return draw(self._level, self._state)

    async def oracle(self) -> AsyncIterator[Action]:
        """A shortest solution."""
        way = solve(self._level, self._state) or ()
        for action in self.moves(way):
            yield action

    def near_misses(self) -> Iterable[Sequence[Action]]:
        """The shortest solution without its last move, and without its first."""
        way = self.task.hidden["solution"].split()
        return [self.moves(way[:-1]), self.moves(way[1:])]

    def hints(self, attempt: Episode | None = None) -> Sequence[str]:
        """Numbers of moves and pushes, the first stuck box, then the beginning of a solution."""
        level, state = parse(self.task.data["level"])
        way = self.task.hidden["solution"].split()
        pushes = _pushes(level, state, way)
        box, direction = pushes[0]
        plan = (
            f"{len(way)} moves are enough, {len(pushes)} of them pushes; a box at a wall without a "
            "target never leaves it."
        )
        first = (
            f"push the box in row {box[0]}, column {box[1]} (from 0, walls counted) first, "
            f"{direction} from the cell opposite."
        )
        feedback = _first_mistake(level, state, attempt)
        return graded(self.task, attempt, plan, feedback, [first, *self.cues(way)])

    def _placed(self, state: State) -> int:
        return len(state.boxes & self._level.targets)

    def _draw(self, rng: random.Random) -> Task | None:
        inside = [(r, c) for r in range(1, self._size - 1) for c in range(1, self._size - 1)]
        floor = [cell for cell in inside if rng.random() >= self._walls]
        if len(floor) < 2 * self._boxes + 1:
            return None
        *things, player = rng.sample(floor, 2 * self._boxes + 1)
        targets, boxes = frozenset(things[: self._boxes]), frozenset(things[self._boxes :])
        level = Level(self._size, self._size, frozenset(floor), targets)
        state = State(player, boxes)
        way = solve(level, state, _SEARCHED)
        if way is None or not _FEWEST <= len(way) <= self.bound:
            return None
        data = {"level": draw(level, state)}
        return Task(data, {"solution": " ".join(way)}, "train", len(way))


def _pushes(level: Level, state: State, way: Sequence[str]) -> list[tuple[Cell, str]]:
    """Pushed boxes of a solution with their directions, in order."""
    pushes: list[tuple[Cell, str]] = []
    for direction in way:
        after = moved(level, state, direction)
        assert after is not None  # the way is a solution
        if after.boxes != state.boxes:
            pushes.append((after.player, direction))
        state = after
    return pushes


def _first_mistake(level: Level, start: State, attempt: Episode | None) -> str:
    """The message after which a box was stuck, or else the boxes that were left."""
    if not calls(attempt):
        return ""
    alive = push_distances(level).keys()
    boxes = [_boxes(board) for board in boards(attempt, level.rows)]
    for number, (before, after) in enumerate(pairwise([start.boxes, *boxes[1:]]), 1):
        if stuck := sorted(after - before - alive):
            row, column = stuck[0]
            asked = " ".join(directions(attempt, number - 1))
            return (
                f"message {number} ({asked}) pushed a box to row {row}, column {column}, from "
                "where it reaches no target."
            )
    left = len(boxes[-1] - level.targets)
    if left:
        off = "one box was" if left == 1 else f"{left} boxes were"
        return f"{off} on no target at the end, and could still reach one: plan the pushes first."
    return ""


def _boxes(board: str) -> frozenset[Cell]:
    """Cells of the boxes on a board."""
    rows = enumerate(line.split() for line in board.splitlines())
    return frozenset((r, c) for r, row in rows for c, sign in enumerate(row) if sign in "$*")
