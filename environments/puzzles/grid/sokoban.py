"""``puzzles/sokoban-v1``: push the boxes onto the targets; a box pushed wrongly may be stuck.

The text game of RAGEN and VAGEN on generated levels, each with a shortest solution found
beforehand. Nothing slips, and nothing can be taken back: planning has to come before moving.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence

from envgym.environments.puzzles.grid.grid import MOVES, Cell
from envgym.environments.puzzles.grid.grid_env import GridEnv
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
from envgym.stop_reason import StopReason
from envgym.task import Task, TaskSource
from envgym.trajectory import Episode

RULES = (
    "Push every box onto a target. @ is you, $ a box, . a target, # a wall, _ floor, * a box on a "
    "target, + you on one. You push the box you walk into and cannot pull. Move up, down, left or "
    "right, at most {bound} moves a message."
)
_FEWEST = 3  # moves of a solution that is worth a level
_SEARCHED = 1_000  # states; a level that takes more to solve is not drawn, so that drawing is quick


class Sokoban(GridEnv):
    """Sokoban puzzle: push every box onto a target.

    Every box on a target: score 1; out of turns: 0.

    Args:
        seed, levels: Of the levels; so many in each split.
        size: Rows and columns, the wall around included, 5 to 8.
        boxes: 1 to 3.
        walls: Share of the cells inside that are walls, on average; 0.5 at most.
        max_actions: Moves a message may hold.
        step_penalty, invalid_penalty: Taken off the reward for each move, and for each message in
            which something was no move. Shaping: the score does not know of them.
        box_reward: For each box that comes onto a target, and taken off again when it leaves it, so
            that going to and fro earns nothing.
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
        """Levels that can be solved in time; difficulty is the fewest moves."""
        return levels(self._draw, count=self._levels, seed=f"sokoban:{self._seed}", split=split)

    def corpus_text(self) -> Iterator[str]:
        """The rules and the moves, for training a tokenizer."""
        yield RULES.format(bound=self._max_actions)
        yield from (f"{one} {other}" for one in MOVES for other in MOVES)

    async def start(self, task: Task) -> Sequence[Message]:
        """The rules and the level."""
        self._level, self._state = parse(task.data["level"])
        self._open = frozenset(push_distances(self._level))
        return system(RULES.format(bound=self._max_actions)), user(self.look())

    def move_once(self, direction: str) -> bool:
        """Walk, or push."""
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
        """The level as it now is."""
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
        """How far it is, how often to push, the first push; first what went wrong, if it did."""
        level, state = parse(self.task.data["level"])
        way = self.task.hidden["solution"].split()
        pushes = _pushes(level, state, way)
        box, direction = pushes[0]
        hints = [
            f"Hint: {len(way)} moves are enough, {len(pushes)} of them pushes.",
            f"Hint: the box in row {box[0]}, column {box[1]} (from 0, walls counted) goes first.",
            f"Hint: push that box {direction} first, from the cell opposite.",
        ]
        if attempt is not None and attempt.metrics.get("stuck"):
            hints.insert(0, "Hint: a box got stuck: one at a wall without a target stays there.")
        elif attempt is not None and attempt.stop_reason is StopReason.MAX_TURNS:
            hints.insert(0, "Hint: the turns ran out: several moves fit into a message.")
        return hints

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
    """The boxes that a way pushes, and where to, one after another."""
    pushes: list[tuple[Cell, str]] = []
    for direction in way:
        after = moved(level, state, direction)
        assert after is not None  # the way is a solution
        if after.boxes != state.boxes:
            pushes.append((after.player, direction))
        state = after
    return pushes
