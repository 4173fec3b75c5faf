"""Supervised steps on demonstrations of tasks that fail (ReLIFT, arXiv 2506.07527)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from pydantic import Field, PrivateAttr

from envgym.rollout.runner import RolloutResult, Start
from envgym.task import Task
from envgym.trainers.collection.player import Player
from envgym.trainers.guidance.base import (
    Guidance,
    demonstrated,
    drops,
    failures,
    missing_loss,
)
from envgym.trainers.plugin import register


@register("relift")
class Relift(Guidance):
    """All members fail: the task joins a buffer; when full, -log π on its oracle's episodes.

    Once ``size`` tasks wait, the oracle plays the newest ``size`` of them, and the step trains on
    these demonstrations beside its own episodes: one pass, by loss ``sft`` with an ``lr`` of
    its own, after the policy's update. Older tasks that still wait then are dropped beyond
    ``size``. Demonstrations that fail (an oracle may, in a world of chance) are left out.

    The buffer holds tasks and seeds, not tokens: an oracle plays a start again alike, so that a
    checkpoint stays small.

    Trap: one optimiser for both losses mixes their moments. Few tasks should fail for
    another reason than difficulty: warm up the format first.
    """

    asks: ClassVar[frozenset[str]] = frozenset({"oracle"})
    max_failed_score: float = Field(
        0.0, ge=0, lt=1, description="Highest raw score that counts as a failure, in [0, 1]."
    )
    size: int = Field(
        128, ge=1, description="Number of waiting tasks that makes a supervised step."
    )
    _waiting: list[dict[str, Any]] = PrivateAttr(default_factory=list)

    async def play(self, starts: Sequence[Start], player: Player) -> RolloutResult:
        """Play every start; add demonstrations where enough failed tasks wait."""
        result = await player.play(starts)
        for _, attempts in failures(starts, result.episodes, self.max_failed_score):
            first = attempts[0]
            row = {"seed": first.seed, "group": first.group, "task": first.task.to_json()}
            self._waiting.append(row)
        if self._waiting:
            result.count("guidance/waiting", len(self._waiting))
        if len(self._waiting) < self.size:
            return result
        due, left = self._waiting[-self.size :], self._waiting[: -self.size]
        self._waiting = left[-self.size :]
        again = [
            Start(row["seed"], Task(**row["task"]), row["group"]).again(
                role="demonstration", guided_by=self.name
            )
            for row in due
        ]
        shown = await demonstrated(player, again, result)
        result.episodes += [e for e in shown if e.score > self.max_failed_score]
        return result

    def conflict(self, config: Any) -> str | None:
        """Report a missing loss, one that shares moments, sampling, or a buffer never full."""
        fix = "add {name: sft, lr: 1.0e-6} to losses"
        if missing := missing_loss(config, "demonstration", fix) or drops(config):
            return missing
        shared = [x for x in config.losses if "demonstration" in x.roles and x.lr is None]
        if shared:
            return (
                f"loss {shared[0].name!r} shares the policy's optimiser, and the moments of "
                "imitation and reinforcement would mix: give the loss an lr, such as 1.0e-6"
            )
        most = config.learner.steps * config.rollout.tasks_per_step
        if 0 < most < self.size:
            return (
                f"the run plays {most} tasks, fewer than the {self.size} that must wait for a "
                f"supervised step: set size to {most} or less, or raise learner.steps"
            )
        return None

    def state(self) -> dict[str, Any]:
        """The waiting tasks, oldest first."""
        return {"waiting": self._waiting}

    def load(self, state: dict[str, Any]) -> None:
        """Restore the waiting tasks."""
        self._waiting = list(state["waiting"])
