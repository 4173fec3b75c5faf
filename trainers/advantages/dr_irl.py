"""Advantages scaled by difficulty (GRPO-S of DR-IRL, arXiv 2503.18991 §3.3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PrivateAttr

from envgym.trainers.advantages.grpo import Grpo
from envgym.trainers.collection.samples import Group
from envgym.trainers.plugin import register


@register("dr_irl")
class DrIrl(Grpo):
    """A_i = α · (R_i - mean) / std, α = σ(gap) / σ(mean gap) · σ(δ) / σ(mean δ).

    The gap is the distance to the demonstration: the oracle's score of 1, minus the members' mean
    score. δ is the task's difficulty, as its environment grades it (none: 0). The means are
    running means per environment; the first batch sets them.

    Trap: α multiplies after the division by std; rewards scaled before it come out unscaled.
    """

    name: str = "dr_irl"
    momentum: float = Field(
        0.99, ge=0, lt=1, description="Momentum of the running means of gap and difficulty."
    )
    _means: dict[str, list[float]] = PrivateAttr(default_factory=dict)

    def __call__(self, groups: Sequence[Group]) -> None:
        """Set every sample's advantage."""
        super().__call__(groups)
        by_env: dict[str, list[tuple[Group, NDArray[np.float64]]]] = {}
        for group in groups:
            first = group[0].episode
            gap = 1 - float(np.mean([s.episode.score for s in group]))
            own = np.array([gap, first.task.difficulty or 0.0])
            by_env.setdefault(first.env, []).append((group, own))
        for env, members in by_env.items():
            batch = np.mean([own for _, own in members], 0)
            means = np.array(self._means.get(env, batch))
            self._means[env] = (self.momentum * means + (1 - self.momentum) * batch).tolist()
            for group, own in members:
                alpha = np.float32((_sigmoid(own) / _sigmoid(means)).prod())
                for sample in group:
                    sample.advantages = [alpha * a for a in sample.advantages]

    def state(self) -> dict[str, Any]:
        """Running means of gap and difficulty, per environment."""
        return {"means": self._means}

    def load(self, state: dict[str, Any]) -> None:
        """Restore the running means."""
        self._means = {name: list(means) for name, means in state["means"].items()}


def _sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-np.clip(x, -500, 500)))
