"""Preference optimisation with several objectives (MODPO, arXiv 2310.03708)."""

from __future__ import annotations

from typing import Any

import torch
from pydantic import Field, field_validator
from torch import Tensor

from envgym.errors import suggest
from envgym.trainers.losses.base import LossInputs
from envgym.trainers.losses.dpo import Dpo
from envgym.trainers.plugin import register


@register("modpo")
class Modpo(Dpo):
    """-log σ((1/w₀) [β Δ - Σ_k w_k (r_k(y⁺) - r_k(y⁻))]), βΔ as in ``dpo``, w₀ = 1 - Σ_k w_k.

    The pair is by the raw score, objective 0; r_k are the recipe's other rewards, by name. Runs
    over several `weights` trace the front between the objectives. Without any it is ``dpo``.

    Trap: 1/w₀ multiplies the log-ratios and the margin. The rewards must have the scale of the
    implicit reward β log(π / π_ref). A reward that compares members of a group (``length``) sees
    the pair alone.
    """

    weights: dict[str, float] = Field(
        default_factory=dict,
        description="Weight w_k of each other objective, by the name of its reward; positive, with "
        "a sum below 1.",
    )

    @field_validator("weights")
    @classmethod
    def _weights(cls, weights: dict[str, float]) -> dict[str, float]:
        if any(weight <= 0 for weight in weights.values()) or sum(weights.values()) >= 1:
            raise ValueError("weights must be positive, and their sum below 1, the rest being w₀")
        return weights

    def conflict(self, config: Any) -> str | None:
        """Report a weight of a reward that the recipe does not have."""
        names = {name for reward in config.rewards for name in reward.component_names()}
        for unknown in sorted(self.weights.keys() - names):
            return f"weights.{unknown}: no reward is called {unknown!r}.{suggest(unknown, names)}"
        return super().conflict(config)

    def margins(self, inputs: LossInputs, pair: Tensor) -> Tensor:
        """Argument of the sigmoid, [pairs]."""
        margin = super().margins(inputs, pair)
        for name, weight in self.weights.items():
            rewards = inputs.components.get(name)
            if rewards is not None:  # else it paid no sample of the batch
                margin = margin - weight * self._difference(inputs, pair, rewards)
        return margin / (1 - sum(self.weights.values()))

    def _difference(self, inputs: LossInputs, pair: Tensor, rewards: Tensor) -> Tensor:
        """Reward of the chosen sample less that of the rejected one, [pairs]."""
        assert inputs.side is not None
        found = []
        for side in (1.0, -1.0):
            mine = inputs.side == side
            values = rewards.new_zeros(int(pair.max()) + 1)
            found.append(values.index_put((pair[mine],), rewards[mine]))
        return torch.sub(*found)
