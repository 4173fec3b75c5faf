"""Weights of several rewards that follow their progress (RECAP, arXiv 2510.21978)."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pydantic import Field, PrivateAttr

from envgym.trainers.advantages.credit import samples_of
from envgym.trainers.advantages.gdpo import Gdpo
from envgym.trainers.collection.samples import Group
from envgym.trainers.plugin import register
from envgym.trajectory import POLICY

_LEAST_LOSS = 1e-3  # a solved objective divides by its loss


@register("recap")
class Recap(Gdpo):
    """``gdpo`` with weights λ_k = K softmax(s_k / T) of K rewards, s_k = c_k + i_k.

    L_k = 1 - the step's mean reward k. Over the last W steps, of mean μ and deviation σ, and the W
    before, of mean μ': c_k = μ / μ' is above 1 where the objective gets worse, i_k = σ / (μ + μ')
    grows with its volatility. Objectives that converge give way to those that do not. All λ are 1
    until 2W steps are done, and their sum is K; `weights` multiply them.

    The source weighs the losses of objectives and does not publish W; it mixes general tasks into
    the batches as well.

    Trap: L must be positive, so rewards are in [0, 1]. λ is computed from numbers, and no gradient
    flows through it.
    """

    window: int = Field(10, ge=2, description="Number W of steps per window.")
    temperature: float = Field(5.0, gt=0, description="Divisor T of the scores in the softmax.")
    _losses: dict[str, dict[str, list[float]]] = PrivateAttr(default_factory=dict)
    _lambdas: dict[str, float] = PrivateAttr(default_factory=dict)
    _told: dict[str, float] = PrivateAttr(default_factory=dict)

    def __call__(self, groups: Sequence[Group]) -> None:
        """Set every sample's advantage."""
        samples = samples_of(groups)
        if samples:
            kept = self._losses.setdefault(f"{samples[0].trajectory.seat}/{samples[0].role}", {})
            self._lambdas = recap_weights(kept, self.window, self.temperature)
            if samples[0].role == POLICY:
                self._told = self._lambdas
            for name in sorted({n for s in samples for n in s.components}):
                mean = float(np.mean([s.components.get(name, 0.0) for s in samples]))
                losses = [*kept.get(name, ()), max(1.0 - mean, _LEAST_LOSS)]
                kept[name] = losses[-2 * self.window :]
        super().__call__(groups)

    def weight(self, name: str) -> float:
        """Weight of a reward now."""
        return super().weight(name) * self._lambdas.get(name, 1.0)

    def report(self) -> dict[str, float]:
        """Each λ of the policy's own episodes, by reward."""
        return {f"recap/{name}": weight for name, weight in self._told.items()}

    def state(self) -> dict[str, Any]:
        """The objectives' losses, by seat and role."""
        return {"losses": self._losses}

    def load(self, state: dict[str, Any]) -> None:
        """Restore the losses."""
        self._losses = {key: dict(losses) for key, losses in state["losses"].items()}


def recap_weights(
    losses: Mapping[str, Sequence[float]], window: int, temperature: float
) -> dict[str, float]:
    """λ of each objective from its positive losses, oldest first; 1 until there are two windows."""
    if any(len(values) < 2 * window for values in losses.values()):
        return dict.fromkeys(losses, 1.0)
    scores = []
    for values in losses.values():
        before, now = statistics.fmean(values[-2 * window : -window]), values[-window:]
        mean = statistics.fmean(now)
        scores.append(mean / before + statistics.pstdev(now) / (mean + before))
    powers = np.exp((np.array(scores) - max(scores, default=0.0)) / temperature)
    weights = len(scores) * powers / powers.sum()
    return dict(zip(losses, weights.tolist(), strict=True))
