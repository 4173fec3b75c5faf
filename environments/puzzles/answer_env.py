"""Puzzles that are answered: one tool, a few attempts, and feedback in between.

What a puzzle shows and how it judges is the subclass's; counting attempts and paying for progress
is done here. The reward of an attempt is what it adds to the best score so far, so an episode's
rewards sum up to its score.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from envgym.errors import ToolError, UsageError
from envgym.messages import Message, system, user
from envgym.task import Task
from envgym.tool_env import ToolEnv
from envgym.tools import tool


@dataclass(frozen=True)
class Verdict:
    """What an answer is worth, in [0, 1], and what the agent is told of it (never the gold)."""

    score: float
    told: str


class Attempts(ToolEnv[Task], ABC):
    """A puzzle with an `answer` tool.

    Attributes:
        max_chars: Of the longest answer that is looked at.

    Args:
        attempts: Answers that may be given; the best one counts. Never more than turns, so
            that ``max_turns=1`` is the single-turn form.
    """

    max_turns = 8
    max_chars = 10_000
    instructions = "Solve the puzzle. Give only the answer itself."

    def __init__(self, *, attempts: int, max_turns: int | None = None) -> None:
        super().__init__(max_turns=max_turns)
        if attempts < 1:
            raise UsageError(f"attempts must be at least 1, not {attempts}")
        self._attempts = min(attempts, self.max_turns)

    @abstractmethod
    def puzzle(self, task: Task) -> str:
        """What the agent reads."""

    @abstractmethod
    async def judge(self, text: str) -> Verdict:
        """Judge an answer; a ToolError where it cannot be read, which costs no attempt."""

    async def start(self, task: Task) -> Sequence[Message]:
        """The rules and the puzzle."""
        self._used, self._best = 0, 0.0
        return system(self.instructions), user(self.puzzle(task))

    def partial_score(self) -> float:
        """The best answer so far."""
        return self._best

    @tool
    async def answer(self, text: str) -> str:
        """Give your answer.

        Args:
            text: The answer, in the form that the puzzle asks for.
        """
        return await self.attempt(text)

    async def attempt(self, text: str) -> str:
        """Judge one answer, pay for what it improves, end the episode when it is the last."""
        if len(text) > self.max_chars:
            raise ToolError(f"the answer is longer than {self.max_chars} characters.")
        verdict = await self.judge(text)
        self._used += 1
        gain = max(verdict.score - self._best, 0.0)
        self._best = max(verdict.score, self._best)
        left = self._attempts - self._used
        if verdict.score == 1.0 or not left:
            self.end(self._best, reward=gain)
            return verdict.told
        self.add_reward(gain)
        return f"{verdict.told} {left} attempt{'s' if left > 1 else ''} left."


def untold(hints: Iterable[str], golds: Iterable[Any]) -> Sequence[str]:
    """The hints that hold none of the golds as whole words, whatever the case."""
    words = [re.escape(str(gold)) for gold in golds if str(gold)]
    told = re.compile(rf"(?<!\w)(?:{'|'.join(words)})(?!\w)", re.IGNORECASE) if words else None
    return tuple(hint for hint in hints if told is None or not told.search(hint))
