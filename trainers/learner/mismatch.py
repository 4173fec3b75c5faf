"""Mismatch of sampler and learner: two computations of one policy's log-probs.

Before a step's first update both are of the same weights. Another number format, kernel, template
or temperature makes them differ, and then every ratio of the step is wrong, whatever a loss
truncates later (Jet-RL; TIS). The figures are of tokens that no hint guided, before truncation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from envgym.trainers.losses import LossInputs

_RANGE = math.log(1.2)
"""Distance of a log-ratio from 0 beyond which PPO's usual range [0.8, 1.2] would clip it."""


@dataclass
class Mismatch:
    """Sums over the tokens of an update."""

    tokens: int = 0
    gap: float = 0.0
    kl: float = 0.0
    largest: float = 0.0
    outside: int = 0

    def add(self, inputs: LossInputs) -> None:
        """Count a micro-batch."""
        gap: Tensor = (inputs.logp - inputs.old_logp).detach().float()
        if inputs.guided is not None:
            gap = gap[~inputs.guided]
        if not len(gap):
            return
        bounded = gap.clamp(-20, 20)
        self.tokens += len(gap)
        self.gap += gap.abs().sum().item()
        self.kl += (bounded.exp() - 1 - bounded).sum().item()
        self.largest = max(self.largest, bounded.abs().max().item())
        self.outside += int((gap.abs() > _RANGE).sum())

    def metrics(self) -> dict[str, float]:
        """Means over tokens, and the largest ratio; none without a token."""
        if not self.tokens:
            return {}
        return {
            "sampler_gap": self.gap / self.tokens,
            "sampler_kl": self.kl / self.tokens,
            "sampler_ratio_max": math.exp(self.largest),
            "sampler_outside": self.outside / self.tokens,
        }
