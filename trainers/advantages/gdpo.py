"""Group advantage over several rewards, each normalised by itself (GDPO, arXiv 2601.05242 §3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from envgym.errors import UsageError, suggest
from envgym.trainers.advantages.base import Advantage
from envgym.trainers.advantages.credit import safe_divide, samples_of
from envgym.trainers.advantages.grpo import centred, deviation
from envgym.trainers.collection.samples import Group
from envgym.trainers.plugin import register


@register("gdpo")
class Gdpo(Advantage):
    """A_i = Σ_n w_n · (R_in - mean_n) / (std_n + eps) by group, over the batch's deviation.

    The rewards are those of the recipe's reward plug-ins, by name. Summed first, as in GRPO,
    different mixtures of rewards become equal; here each reward keeps its own order.

    Trap: a reward that is equal in the whole group says nothing, whatever its size: exactly 0. The
    sums' batch mean is 0 by construction, so they are scaled and not shifted.
    """

    compares: ClassVar[bool] = True
    returns_to_go: ClassVar[bool] = False
    weights: dict[str, float] = Field(
        default_factory=dict,
        description="Weight of each reward by its plug-in's name, or by its metric's; 1 unless "
        "given.",
    )
    eps: float = Field(1e-4, description="Constant added to the deviation before the division.")

    def conflict(self, config: Any) -> str | None:
        """Report a weight of a reward that the recipe does not have."""
        names = {name for reward in config.rewards for name in reward.component_names()}
        return super().conflict(config) or self._no_such_weight(names)

    def __call__(self, groups: Sequence[Group]) -> None:
        """Set every sample's advantage."""
        names = sorted({n for s in samples_of(groups) for n in s.components})
        if names and (problem := self._no_such_weight(set(names))):
            raise UsageError(f"advantage {self.name!r}: {problem}")
        sums = []
        for group in groups:
            total = np.zeros(len(group))
            for name in names:
                values = np.array([s.components.get(name, 0.0) for s in group])
                part = safe_divide(centred(values), deviation(values) + self.eps)
                total += self.weight(name) * part
            sums.append(total)
        scale = deviation(np.concatenate(sums)) + self.eps if sums else 1.0
        for group, total in zip(groups, sums, strict=True):
            for sample, advantage in zip(group, safe_divide(total, scale), strict=True):
                sample.set_advantage(float(advantage))

    def weight(self, name: str) -> float:
        """Weight of a reward."""
        return self.weights.get(name, 1.0)

    def _no_such_weight(self, names: set[str]) -> str | None:
        for unknown in sorted(self.weights.keys() - names):
            return (
                f"advantage.weights.{unknown}: no reward is called {unknown!r}."
                f"{suggest(unknown, names)}"
            )
        return None
