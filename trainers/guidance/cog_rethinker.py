"""Cascade of decomposition and reflection on tasks that fail (Cog-Rethinker, arXiv 2510.15979)."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any, ClassVar

from pydantic import Field, PrivateAttr

from envgym.environments.search.corpus import Passage
from envgym.environments.search.retrieval.index import Bm25Index
from envgym.rollout.hidden_text import find_whole, golds
from envgym.rollout.runner import RolloutResult, Start
from envgym.trainers.collection.player import Player
from envgym.trainers.guidance.attempt_text import task_text, transcript_text
from envgym.trainers.guidance.base import (
    Guidance,
    drops,
    failures,
    mark_demonstrations,
    missing_loss,
)
from envgym.trainers.guidance.reroll import guiding_message
from envgym.trainers.plugin import register
from envgym.trajectory import Episode

DECOMPOSE = (
    "First split the task into smaller questions. Answer them one by one, then use the answers to "
    "solve the task."
)
REFLECT = (
    "Earlier attempts at this task were wrong. Find the mistake in them, then solve the task "
    "another way."
)
STAGES = {"decompose": DECOMPOSE, "reflect": REFLECT}


@register("cog_rethinker")
class CogRethinker(Guidance):
    """All fail: y ~ π(· | decompose, x); again: y ~ π(· | wrong answers, x); loss -log π(y | x).

    Each stage is a message after the task, with up to ``shown`` earlier successes of that stage,
    retrieved by BM25 on the task's text. Solved retries are demonstrations under the plain task,
    without the message, and join the stage's memory. Failed retries are recorded (role
    ``failed_retry``) and not trained on. The weight of the
    supervised loss and the number of examples are not published: take ``{name: sft, coef: 0.1}``.

    Trap: trained under the message of their stage, retries would teach nothing about the plain
    task. A memory that shows the solution of the very task gives it away: those of equal tasks, and
    those that hold the gold answer, are never shown.
    """

    untrained: ClassVar[frozenset[str]] = frozenset({"failed_retry"})
    max_failed_score: float = Field(
        0.0, ge=0, lt=1, description="Highest raw score that counts as a failure, in [0, 1]."
    )
    min_score: float = Field(
        1.0, gt=0, le=1, description="Lowest raw score of a retry that is a demonstration."
    )
    shown: int = Field(2, ge=0, description="Maximum number of earlier successes to show.")
    wrong_shown: int = Field(
        2, ge=1, description="Maximum number of wrong attempts that the reflection shows."
    )
    capacity: int = Field(500, ge=1, description="Maximum number of kept successes per stage.")
    max_chars: int = Field(
        1500, ge=100, description="Maximum length of a shown success or wrong answer, characters."
    )
    _memory: dict[str, list[dict[str, str]]] = PrivateAttr(default_factory=dict)

    async def play(self, starts: Sequence[Start], player: Player) -> RolloutResult:
        """Play every start; play failed groups again, stage after stage."""
        result = await player.play(starts)
        failed = list(failures(starts, result.episodes, self.max_failed_score))
        for stage in STAGES:
            again: list[Start] = []
            for members, attempts in failed:
                told = (guiding_message([self._message(stage, attempts)], vanish=True),)
                by = f"{self.name}:{stage}"
                again += [
                    s.again(guidance=told, role="failed_retry", guided_by=by) for s in members
                ]
            if not again:
                break
            retries = await player.play(again)
            failed = list(failures(again, retries.episodes, self.max_failed_score))
            mark_demonstrations(retries.episodes, self.min_score)
            for episode in retries.episodes:
                if episode.role == "demonstration":
                    self._keep(stage, episode)
            result.add(retries)
        return result

    def conflict(self, config: Any) -> str | None:
        """Report a missing library, a missing loss, or dynamic sampling, which drops retries."""
        if self.shown and find_spec("rank_bm25") is None:
            return (
                "it finds earlier successes by rank-bm25: pip install 'envgym[search]', or shown: 0"
            )
        fix = "add {name: sft, coef: 0.1} to losses"
        return missing_loss(config, "demonstration", fix) or drops(config)

    def state(self) -> dict[str, Any]:
        """The kept successes of each stage, oldest first."""
        return {"memory": self._memory}

    def load(self, state: dict[str, Any]) -> None:
        """Restore the kept successes."""
        self._memory = {stage: list(rows) for stage, rows in state["memory"].items()}

    def _message(self, stage: str, attempts: Sequence[Episode]) -> str:
        """Text that a stage shows to the members of a failed group."""
        parts = [
            f"An example.\n{row['task']}\n{row['solution']}"
            for row in self._retrieve(stage, attempts[0])
        ]
        if stage == "reflect":
            wrong = dict.fromkeys(transcript_text(attempt, self.max_chars) for attempt in attempts)
            parts += [
                f"A wrong attempt at the task above:\n{text}"
                for text in [*wrong][: self.wrong_shown]
            ]
        return "\n\n".join([*parts, STAGES[stage]])

    def _retrieve(self, stage: str, attempt: Episode) -> list[dict[str, str]]:
        """Kept successes of a stage on the tasks most like an attempt's, best first."""
        answers = golds(attempt.task)
        rows = [
            row
            for row in self._memory.get(stage, [])
            if row["key"] != attempt.task.key and not any(find_whole(answers, row.values()))
        ]
        tasks = [Passage(str(i), "", row["task"]) for i, row in enumerate(rows)]
        if not self.shown or not any(any(map(str.isalnum, p.text)) for p in tasks):
            return []
        hits = Bm25Index(tasks).search(task_text(attempt), self.shown)
        return [rows[int(hit.passage.id)] for hit in hits]

    def _keep(self, stage: str, episode: Episode) -> None:
        """Keep a success, the newest of its task."""
        row = {
            "key": episode.task.key,
            "task": task_text(episode)[: self.max_chars],
            "solution": transcript_text(episode, self.max_chars),
        }
        kept = [other for other in self._memory.get(stage, []) if other["key"] != row["key"]]
        self._memory[stage] = [*kept, row][-self.capacity :]
