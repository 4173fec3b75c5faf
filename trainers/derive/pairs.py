"""Preference pairs of a success and a failure at one task (Agent-RLVR, arXiv 2506.11425)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

from pydantic import Field, PrivateAttr

from envgym.trainers.collection.samples import Group, Sample
from envgym.trainers.derive.base import Derive, Tools
from envgym.trainers.guidance.base import missing_loss
from envgym.trainers.plugin import register
from envgym.trajectory import POLICY


@register("pairs")
class Pairs(Derive):
    """(y⁺, y⁻): a success of one of the `preferred` roles, a failure of the policy on its own.

    Both are samples of their own, with a common `Sample.pair` and the roles ``chosen`` and
    ``rejected``, for loss ``dpo``. Successes come in the order of `preferred`; each sample is in
    one pair at most. The samples played stay, for the losses of their roles.

    Trap: both sides condition on the plain task. Hints vanish from the context of a guided success;
    a hint that stays, or a given prefix, would make the difference that the policy learns.
    """

    preferred: tuple[str, ...] = Field(
        ("demonstration", "guided", POLICY),
        min_length=1,
        description="Roles whose successes are chosen, in order of preference.",
    )
    min_score: float = Field(
        1.0, gt=0, le=1, description="Lowest raw score of a chosen sample, in (0, 1]."
    )
    max_failed_score: float = Field(
        0.0, ge=0, lt=1, description="Highest raw score of a rejected sample, in [0, 1)."
    )
    most: int = Field(4, ge=1, description="Maximum number of pairs per task and step.")
    _made: int = PrivateAttr(0)

    async def __call__(self, groups: list[Group], tools: Tools) -> list[Group]:
        """Return the groups, and one of two samples for each pair."""
        by_task: dict[str, list[Sample]] = {}
        for sample in (s for group in groups for s in group if s.tokens and not s.pair):
            key = f"{sample.episode.group}/{sample.trajectory.seat}"
            by_task.setdefault(key, []).append(sample)
        pairs = [
            [
                Sample(good.episode, good.trajectory, role="chosen", pair=f"{key}/{number}"),
                Sample(bad.episode, bad.trajectory, role="rejected", pair=f"{key}/{number}"),
            ]
            for key, samples in by_task.items()
            for number, (good, bad) in enumerate(islice(self._sides(samples), self.most))
        ]
        self._made = len(pairs)
        return [*groups, *pairs]

    def _sides(self, samples: Sequence[Sample]) -> zip[tuple[Sample, Sample]]:
        """Successes and failures of a task, one with one."""
        good = [
            s
            for role in self.preferred
            for s in samples
            if s.role == role and s.episode.score >= self.min_score
        ]
        bad = [s for s in samples if s.role == POLICY and s.episode.score <= self.max_failed_score]
        return zip(good, bad, strict=False)

    def conflict(self, config: Any) -> str | None:
        """Report contexts that differ, pairs that no loss trains, failures that are left out."""
        if self.max_failed_score >= self.min_score:
            return (
                f"a score of {self.min_score:g} would be a success and a failure: set "
                "max_failed_score below min_score"
            )
        if "prefixed" in self.preferred:
            return (
                "a prefixed episode begins with tokens that the rejected one was not given: leave "
                "prefixed out of preferred"
            )
        if "guided" in self.preferred and getattr(config.guidance, "vanish", True) is False:
            return (
                f"guidance {config.guidance.name!r} leaves its hints in the context of the chosen "
                "sample alone: set guidance.vanish to true, or leave guided out of preferred"
            )
        if config.rollout.dynamic_rounds > 1 and set(self.preferred) != {POLICY}:
            return (
                "dynamic sampling leaves out the failed groups, whose members guided successes "
                "are paired with: set rollout.dynamic_rounds to 1, or preferred to [policy]"
            )
        return missing_loss(config, "chosen", "add dpo to losses") or missing_loss(
            config, "rejected", "add rejected to the roles of the loss for pairs"
        )

    def report(self) -> dict[str, float]:
        """Number of pairs."""
        return {"derive/pairs": float(self._made)}
