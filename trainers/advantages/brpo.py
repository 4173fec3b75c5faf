"""Bootstrapped relative policy optimisation (BRPO, Writing-Zero, arXiv 2506.00103 §3.3)."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np
from pydantic import Field, ImportString

from envgym.trainers.advantages.base import Advantage
from envgym.trainers.advantages.credit import ROUNDING
from envgym.trainers.collection.samples import Group, Sample
from envgym.trainers.plugin import register

Judge = Callable[[Sample, Sample], bool]


@register("brpo")
class Brpo(Advantage):
    """A_i = 1 where i is better than a random member of its group, -1 where worse; not normalised.

    The loss skips the reference, and every group with |Σ A| / G over ``skew``, whose reference was
    an outlier. Without a judge the higher reward is better, and equal ones get 0.

    Trap: a judge prefers the sample that it reads first. It judges both orders, and only a win in
    both counts; A_i = -1 for both members of an undecided pair would be noise, so A_i is 0.
    """

    compares: ClassVar[bool] = True
    returns_to_go: ClassVar[bool] = False
    judge: ImportString[Judge] | None = Field(
        None,
        description="Import path of a function of two samples that says whether the first is "
        "better; null compares rewards.",
    )
    skew: float = Field(
        0.6,
        gt=0,
        le=1,
        description="Excess share of one sign, |Σ A| / G, over which a group is skipped.",
    )
    seed: int = Field(0, description="Seed of the choice of references.")

    def __call__(self, groups: Sequence[Group]) -> None:
        """Set every sample's advantage."""
        for group in groups:
            first = group[0]
            name = f"{self.seed}:{first.episode.group}:{first.trajectory.seat}"
            reference = random.Random(name).choice(group)
            signs = np.array([self._sign(sample, reference) for sample in group], np.float64)
            dropped = abs(signs.sum()) / len(group) > self.skew
            for sample, sign in zip(group, signs, strict=True):
                sample.set_advantage(0.0 if dropped else float(sign))
                sample.skip = bool(dropped) or sample is reference

    def _sign(self, one: Sample, reference: Sample) -> int:
        if one is reference:
            return 0
        if self.judge is None:
            if math.isclose(one.reward, reference.reward, rel_tol=ROUNDING):
                return 0
            return 1 if one.reward > reference.reward else -1
        won, lost = self.judge(one, reference), self.judge(reference, one)
        return int(won and not lost) - int(lost and not won)
