"""Leave-one-out advantages (RLOO, arXiv 2402.14740 §2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from envgym.trainers.advantages.base import Advantage
from envgym.trainers.advantages.grpo import centred
from envgym.trainers.collection.samples import Group
from envgym.trainers.plugin import register


@register("rloo")
class Rloo(Advantage):
    """A_i = R_i - mean of the others' = G / (G - 1) · (R_i - mean of the group): unbiased.

    Trap: a group of one has no others; its advantage is 0.
    """

    compares: ClassVar[bool] = True
    returns_to_go: ClassVar[bool] = False

    def __call__(self, groups: Sequence[Group]) -> None:
        """Set every sample's advantage."""
        for group in groups:
            scale = len(group) / max(len(group) - 1, 1)
            rewards = np.array([s.reward for s in group])
            for sample, advantage in zip(group, scale * centred(rewards), strict=True):
                sample.set_advantage(float(advantage))
