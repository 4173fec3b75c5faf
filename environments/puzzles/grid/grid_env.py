"""Base classes of grid puzzles: several actions per message, and penalties for invalid ones.

As in RAGEN and VAGEN, a message may hold several moves, the observation is the board after them,
and invalid actions may cost a penalty. The score ignores penalties.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Sequence
from itertools import islice, takewhile

from envgym.environments.attempts import RecordedCall, calls, replies, turns
from envgym.environments.graded_hints import call_text, shares
from envgym.environments.puzzles.grid.grid import MOVES, drawn
from envgym.errors import ToolError, UsageError
from envgym.messages import Action, Message
from envgym.task import Task
from envgym.tool_env import ToolEnv
from envgym.tools import tool
from envgym.trajectory import Episode

_WORD = re.compile(r"[^\W_]+")
_MOST_MOVES = 20
"""Maximum number of moves of a call that a hint repeats."""


class BoundedEnv(ToolEnv[Task]):
    """Environment with at most `max_actions` actions per message.

    Args:
        max_actions: Maximum number of actions per message; later ones are rejected.
        invalid_penalty: Subtracted from the reward, once per message, for any invalid action: text
            without a call, a broken call, an unknown word, one action too many.
    """

    def __init__(
        self, *, max_actions: int, invalid_penalty: float, max_turns: int | None = None
    ) -> None:
        super().__init__(max_turns=max_turns)
        if max_actions < 1:
            raise UsageError(f"max_actions must be at least 1, not {max_actions}")
        if invalid_penalty < 0:
            raise UsageError(f"invalid_penalty is taken off: 0 or more, not {invalid_penalty}")
        self._max_actions = max_actions
        self._invalid_penalty = invalid_penalty
        self._left = 0

    async def act(self, action: Action) -> Sequence[Message]:
        """Run the calls as `ToolEnv.act`; subtract the penalty if an action was invalid."""
        self._left = self._max_actions
        before = self._refused()
        messages = await super().act(action)
        if self._refused() > before:
            self._count("invalid", 1)
            self.add_reward(-self._invalid_penalty)
        return messages

    def spend(self) -> None:
        """Use up one of the message's actions.

        Raises:
            ToolError: The message has used up its actions.
        """
        if not self._left:
            raise ToolError(f"at most {_counted(self._max_actions)} a message.")
        self._left -= 1

    def _refused(self) -> float:
        return self.metrics.get("tool_errors", 0.0) + self.metrics.get("no_tool_call", 0.0)


class GridEnv(BoundedEnv):
    """Puzzle of moves on a board.

    Subclasses write `move_once` and `board`, and call `look` once in `start`.

    Args:
        step_penalty: Subtracted from the reward per move.
    """

    def __init__(
        self,
        *,
        max_actions: int,
        step_penalty: float,
        invalid_penalty: float,
        max_turns: int | None = None,
    ) -> None:
        super().__init__(
            max_actions=max_actions, invalid_penalty=invalid_penalty, max_turns=max_turns
        )
        if step_penalty < 0:
            raise UsageError(f"step_penalty is taken off: 0 or more, not {step_penalty}")
        self._step_penalty = step_penalty

    @property
    def bound(self) -> int:
        """Maximum number of moves per episode."""
        return self.max_turns * self._max_actions

    @abstractmethod
    def move_once(self, direction: str) -> bool:
        """Make one move and return whether it changed anything.

        Implementations call `end` where the move decides the episode.
        """

    @abstractmethod
    def board(self) -> str:
        """State as text; equal states have equal texts."""

    def moves(self, way: Sequence[str]) -> list[Action]:
        """Messages that walk a path, each with as many moves as allowed."""
        parts = [way[n : n + self._max_actions] for n in self._starts(len(way))]
        return [Action.call("move", directions=" ".join(part)) for part in parts]

    def cues(self, way: Sequence[str]) -> list[str]:
        """Cues that name the first half of a path, then all of it but the last move."""
        named = []
        for count in shares(len(way), 0.5, 1.0):
            parts = [way[n : min(n + self._max_actions, count)] for n in self._starts(count)]
            moves = (call_text("move", directions=" ".join(part)) for part in parts)
            named.append(f"begin with {', then '.join(moves)}.")
        return named

    def _starts(self, moves: int) -> range:
        """Places in a path at which its messages begin."""
        return range(0, moves, self._max_actions)

    def look(self) -> str:
        """Board text, which also becomes the state's name."""
        self.anchor = self.board()
        return self.anchor

    @tool
    async def move(self, directions: str) -> str:
        """Move one cell after another: up, down, left or right, with spaces between.

        Args:
            directions: The moves in order, such as "up up left".
        """
        words = [m[0].lower() for m in islice(_WORD.finditer(directions), self._max_actions + 1)]
        problem = "" if words else "no move in it: write up, down, left or right."
        for word in words:
            if word not in MOVES:
                problem = f"{word[:20]!r} is no move: write up, down, left or right."
                break
            try:
                self.spend()
            except ToolError as error:
                problem = str(error)
                break
            self._count("moves", 1)
            self.add_reward(-self._step_penalty)
            if not self.move_once(word):
                self._count("blocked", 1)
            if self.ended:
                break
        if problem:  # earlier moves were made, so the board is shown
            raise ToolError(f"{problem}\n{self.look()}")
        return self.look()


def boards(attempt: Episode | None, rows: int) -> list[str]:
    """Boards of `rows` rows in an attempt: one before each turn and the last one; "" for none."""
    before = [_board(turn.anchor, rows) for turn in turns(attempt)]
    last = [_board(message.content, rows) for after in replies(attempt)[-1:] for message in after]
    return [*before, next(filter(None, [*last[::-1], *before[-1:]]), "")]


def _board(text: str, rows: int) -> str:
    lines = [line.split() for line in text.splitlines()[-rows:]]
    square = len(lines) == rows and all(len(line) == len(lines[0]) for line in lines)
    return drawn(lines) if square and all(len(sign) == 1 for line in lines for sign in line) else ""


def directions(attempt: Episode | None, turn: int) -> list[str]:
    """Moves that an attempt asked for in a turn, up to the first word that is none."""
    asked: list[str] = []
    for call in calls(attempt, "move"):
        if call.turn == turn:
            asked += _words(call)
    return asked


def _words(call: RecordedCall) -> list[str]:
    words = (match[0].lower() for match in _WORD.finditer(call.text("directions")))
    return list(islice(takewhile(MOVES.__contains__, words), _MOST_MOVES))


def _counted(actions: int) -> str:
    return "one action" if actions == 1 else f"{actions} actions"
