"""Majority vote over a judge's step verdicts, behind a gate (SPARK, arXiv 2512.03244 §3)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ImportString

from envgym.errors import UsageError
from envgym.stop_reason import StopReason
from envgym.trainers.advantages.credit import samples_of
from envgym.trainers.collection.samples import Group, Sample
from envgym.trainers.plugin import register
from envgym.trainers.rewards.base import Reward

Judge = Callable[[Sample], Sequence[Sequence[bool]]]


def votes(verdicts: Sequence[Sequence[bool]]) -> NDArray[np.bool_]:
    """Majority vote per turn, bool [turns], from [verifications, turns]; a tie is wrong.

    Number the turns before judging, so that every verification refers to the same ones.
    """
    return np.asarray(verdicts, np.float64).mean(0) > 0.5


@register("spark")
class Spark(Reward):
    """1[gate] · (``step`` · share of turns that most call right + ``outcome`` · score).

    The gate is the way the episode ended: an answer, and nothing after it.

    Trap: the gate multiplies. Were it added, failing episodes would still earn, and agents would
    append solutions until the judge agrees. The share of right turns depends on their number: keep
    its weight small, or take ``process_delta``.
    """

    judge: ImportString[Judge] = Field(
        description="Import path of a function from a sample to its verifications, each with one "
        "verdict per turn."
    )
    step: float = Field(0.4, ge=0, description="Weight of the share of right turns.")
    outcome: float = Field(0.6, ge=0, description="Weight of the score.")
    gate: list[StopReason] = Field(
        default_factory=lambda: [StopReason.ANSWERED],
        description="Stop reasons that pass the gate.",
    )

    def __call__(self, groups: Sequence[Group]) -> None:
        """Add the reward of episodes that pass the gate."""
        for sample in samples_of(groups):
            passed = sample.episode.stop_reason in self.gate
            amount = self._amount(sample) if passed else 0.0
            sample.add_reward(self.name, amount)

    def _amount(self, sample: Sample) -> float:
        verdicts = self.judge(sample)
        turns = len(sample.trajectory.turns)
        if not len(verdicts) or any(len(verdict) != turns for verdict in verdicts):
            raise UsageError(
                f"reward 'spark': the judge must give verifications of {turns} verdicts, one for "
                f"each turn of episode {sample.episode.id}"
            )
        right = float(votes(verdicts).mean())
        return self.step * right + self.outcome * sample.episode.score
