"""Base class of question-answer puzzles: an `answer` tool, several attempts, feedback in between.

Subclasses define the puzzle text and the judge; this class counts attempts and pays for progress.
The reward of an attempt is its increase of the best score so far, so the rewards of an episode sum
to its score.
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
    """Judge's verdict: a score in [0, 1] and the feedback for the agent, which never holds the
    gold.
    """

    score: float
    feedback: str


class AnswerEnv(ToolEnv[Task], ABC):
    """Puzzle environment with an `answer` tool.

    Attributes:
        max_chars: Maximum length of an answer in characters.

    Args:
        attempts: Maximum number of answers; the best one counts. Capped at ``max_turns``, so
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
        """Text of the puzzle for the agent."""

    @abstractmethod
    async def judge(self, text: str) -> Verdict:
        """Judge an answer; an unreadable one raises a ToolError and costs no attempt."""

    async def start(self, task: Task) -> Sequence[Message]:
        """Instructions and puzzle."""
        self._used, self._best = 0, 0.0
        return system(self.instructions), user(self.puzzle(task))

    def partial_score(self) -> float:
        """Best score so far."""
        return self._best

    @tool
    async def answer(self, text: str) -> str:
        """Give your answer.

        Args:
            text: The answer, in the form that the puzzle asks for.
        """
        return await self.attempt(text)

    async def attempt(self, text: str) -> str:
        """Judge one answer, reward its improvement, and end the episode on success or the last
        attempt.
        """
        if len(text) > self.max_chars:
            raise ToolError(f"the answer is longer than {self.max_chars} characters.")
        verdict = await self.judge(text)
        self._used += 1
        gain = max(verdict.score - self._best, 0.0)
        self._best = max(verdict.score, self._best)
        left = self._attempts - self._used
        if verdict.score == 1.0 or not left:
            self.end(self._best, reward=gain)
            return verdict.feedback
        self.add_reward(gain)
        return f"{verdict.feedback} {left} attempt{'s' if left > 1 else ''} left."


def without_golds(hints: Iterable[str], golds: Iterable[Any]) -> Sequence[str]:
    """Hints without those that contain a gold as whole words, ignoring case."""
    words = [re.escape(str(gold)) for gold in golds if str(gold)]
    told = re.compile(rf"(?<!\w)(?:{'|'.join(words)})(?!\w)", re.IGNORECASE) if words else None
    return tuple(hint for hint in hints if told is None or not told.search(hint))
