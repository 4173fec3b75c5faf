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
    score. The paper's δ is a distance to demonstrations too, about 0 to 1, and its σ tells little
    apart beyond: here δ is the task's difficulty (none: 0), over the largest of its category so far
    where that is more than 1. A category is the task's own (``category`` in its data), or else the
    environment. The means are running means per category; the first batch sets them.

    Trap: α multiplies after the division by std; rewards scaled before it come out unscaled.
    """

    momentum: float = Field(
        0.99, ge=0, lt=1, description="Momentum of the running means of gap and difficulty."
    )
    _means: dict[str, list[float]] = PrivateAttr(default_factory=dict)
    _largest: dict[str, float] = PrivateAttr(default_factory=dict)

    def __call__(self, groups: Sequence[Group]) -> None:
        """Set every sample's advantage."""
        super().__call__(groups)
        by_category: dict[str, list[tuple[Group, NDArray[np.float64]]]] = {}
        for group in groups:
            first = group[0].episode
            gap = 1 - float(np.mean([s.episode.score for s in group]))
            own = np.array([gap, first.task.difficulty or 0.0])
            category = str(first.task.data.get("category", first.env))
            by_category.setdefault(category, []).append((group, own))
        for category, members in by_category.items():
            raw = np.array([own for _, own in members])
            before = np.array(self._means.get(category, raw.mean(0)))
            mean = self.momentum * before + (1 - self.momentum) * raw.mean(0)
            largest = max(self._largest.get(category, 1.0), float(np.abs(raw[:, 1]).max()))
            self._means[category], self._largest[category] = mean.tolist(), largest
            scale = np.array([1.0, largest])
            for group, own in members:
                alpha = np.float32((_sigmoid(own / scale) / _sigmoid(before / scale)).prod())
                for sample in group:
                    sample.advantages = [alpha * a for a in sample.advantages]

    def state(self) -> dict[str, Any]:
        """Running means of gap and difficulty, and the largest difficulty, per category."""
        return {"means": self._means, "largest": self._largest}

    def load(self, state: dict[str, Any]) -> None:
        """Restore the running means and the largest difficulties."""
        self._means = {name: list(means) for name, means in state["means"].items()}
        self._largest = dict(state.get("largest", {}))  # none in checkpoints of older releases


def _sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-np.clip(x, -500, 500)))
