"""Advantages scaled by difficulty (GRPO-S of DR-IRL, arXiv 2503.18991 §3.3)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from pydantic import Field, PrivateAttr

from envgym.trainers.advantages.grpo import Grpo
from envgym.trainers.batch import Group
from envgym.trainers.plugin import register


@register("dr_irl")
class DrIrl(Grpo):
    """A_i = α · (R_i - mean) / std, α = σ(gap) / σ(mean gap) · σ(δ) / σ(mean δ).

    The gap is how far the group is behind the demonstration: the oracle's score of 1, minus the
    members' mean score. δ is the task's own difficulty, as its environment grades it (none: 1).
    The means are an environment's, and move slowly.

    Trap: α multiplies after the division by std; rewards scaled before it come out as they were.
    """

    name: str = "dr_irl"
    momentum: float = Field(0.99, ge=0, lt=1, description="Of the mean gap and difficulty.")
    _means: dict[str, list[float]] = PrivateAttr(default_factory=dict)

    def __call__(self, groups: Sequence[Group]) -> None:
        """Set every sample's advantage."""
        super().__call__(groups)
        for group in groups:
            first = group[0].episode
            gap = 1 - float(np.mean([s.episode.score for s in group]))
            own = [gap, first.task.difficulty or 0.0]
            means = self._means.get(first.env, own)
            alpha = math.prod(_sigmoid(x) / _sigmoid(m) for x, m in zip(own, means, strict=True))
            self._means[first.env] = [
                self.momentum * m + (1 - self.momentum) * x for x, m in zip(own, means, strict=True)
            ]
            for sample in group:
                sample.advantages = [np.float32(alpha) * a for a in sample.advantages]

    def state(self) -> dict[str, Any]:
        """The running means."""
        return {"means": self._means}

    def load(self, state: dict[str, Any]) -> None:
        """Go on from them."""
        self._means = {name: list(means) for name, means in state["means"].items()}


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-max(x, -700.0)))
