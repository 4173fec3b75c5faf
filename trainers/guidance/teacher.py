"""Re-rolls with a hint that a teacher agent writes on a failed attempt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from pydantic import Field

from envgym.messages import Message, system, user
from envgym.rollout.hidden_text import find_copied, find_whole, golds
from envgym.rollout.runner import RolloutResult, Start
from envgym.task import Task
from envgym.trainers.collection.player import Player
from envgym.trainers.guidance.attempt_text import task_text, transcript_text
from envgym.trainers.guidance.base import missing_judge
from envgym.trainers.guidance.reroll import Reroll
from envgym.trainers.plugin import register
from envgym.trajectory import Episode

ASK = (
    "You help an agent that failed a task. Say in one to three sentences which mistake it made "
    "and what to try. Never give the answer, or a part of it. Write the hint and nothing else."
)
BLIND = "You see a hint, and not the task that it belongs to. Give the answer of that task."


@register("teacher")
class Teacher(Reroll):
    """All fail: h ~ teacher(x, failed y), then y_i ~ π(· | x, h), trained as ``guide`` trains it.

    The agent `judge` of the recipe's judges reads the task and the group's first attempt, and
    writes one hint for the group. A hint is rejected where it copies a gold answer, whole or by a
    long common run, and where the policy, shown the hint alone `blind_attempts` times, answers
    with a gold answer: such a hint is the solution. The group of a rejected hint, or of a teacher
    that is down, stays unguided; the metrics ``guidance/hints_…`` count both.

    Trap: a gold answer that a verifier computes stands in no text: only a visible answer or
    reference can be found in a hint.
    """

    asks: ClassVar[frozenset[str]] = frozenset()
    judge: str = Field(description="Name of the teacher in the recipe's judges.")
    max_chars: int = Field(
        8000, ge=100, description="Maximum length of the attempt shown to the teacher, characters."
    )
    max_hint_chars: int = Field(
        1000, ge=20, description="Length in characters from which a hint is cut."
    )
    copied_share: float = Field(
        0.5, gt=0, le=1, description="Share of a gold answer that makes a common run a leak."
    )
    copied_chars: int = Field(
        40, ge=8, description="Number of characters that makes any common run a leak."
    )
    blind_attempts: int = Field(
        0, ge=0, description="Number of the policy's answers to the hint alone; 0 asks for none."
    )

    def levels(self, hints: Sequence[str], step: int) -> list[Sequence[str]]:
        """One level, with the teacher's hint."""
        return [hints] if hints else []

    async def hints(
        self,
        failed: Sequence[tuple[list[Start], list[Episode]]],
        player: Player,
        result: RolloutResult,
    ) -> dict[str, Sequence[str]]:
        """Ask the teacher for a hint per failed group; count rejected and missing ones."""
        attempts = {f"{self.name}/{e[0].seed}/{e[0].id}": e[0] for _, e in failed}
        questions = {key: self._question(attempt) for key, attempt in attempts.items()}
        answers = await player.ask(player.judge(self.judge), questions) if questions else {}
        written = {key: text[: self.max_hint_chars] for key, text in answers.items() if text}
        kept = {
            key: text for key, text in written.items() if not self._copies(attempts[key].task, text)
        }
        solved = await self._solved_blind(kept, attempts, player)
        if attempts:
            result.count("guidance/hints_written", len(written))
            result.count("guidance/hints_missing", len(attempts) - len(written))
            result.count("guidance/hints_leaking", len(written) - len(kept) + len(solved))
        return {
            attempt.group: (kept[key],) if key in kept and key not in solved else ()
            for key, attempt in attempts.items()
        }

    def conflict(self, config: Any) -> str | None:
        """Report that the teacher is no judge, or a loss that cannot learn from guided episodes."""
        return missing_judge(config, self.judge) or super().conflict(config)

    def _question(self, attempt: Episode) -> list[Message]:
        tried = transcript_text(attempt, self.max_chars)
        asked = (
            f"The task:\n{task_text(attempt)}\n\nThe failed attempt:\n{tried}\n\nWrite the hint."
        )
        return [system(ASK), user(asked)]

    def _copies(self, task: Task, hint: str) -> bool:
        return any(find_copied(task, hint, self.copied_share, self.copied_chars))

    async def _solved_blind(
        self, hints: dict[str, str], attempts: dict[str, Episode], player: Player
    ) -> set[str]:
        """Keys of the hints from which alone the policy answers the task."""
        asked = {
            f"{key}/blind/{number}": (key, hint)
            for key, hint in hints.items()
            for number in range(self.blind_attempts)
        }
        if not asked:
            return set()
        questions = {name: [system(BLIND), user(hint)] for name, (_, hint) in asked.items()}
        answers = await player.ask(player.policy, questions)
        found = ((asked[name][0], text) for name, text in answers.items())
        return {key for key, text in found if any(find_whole(golds(attempts[key].task), [text]))}
