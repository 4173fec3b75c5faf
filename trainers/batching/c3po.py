"""Token budget per update (C3PO, Ring-lite, arXiv 2506.14731 §3)."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import Field, PrivateAttr

from envgym.trainers.batching.base import Batching
from envgym.trainers.collection.samples import Group, Sample
from envgym.trainers.losses.base import Denominator
from envgym.trainers.plugin import register


@register("c3po")
class C3po(Batching):
    """Episodes in random order until they hold Φ tokens; loss = (1/Φ) Σ of their token losses.

    The batch holds the episode that crosses the budget whole, and none after it. Steps then
    cost the same, and the gradient's scale no longer follows the length of answers.

    Trap: the divisor is the constant Φ, whatever the batch holds: twice as long episodes do not
    weigh half. Advantages are those of whole groups; the budget comes after them. The order must be
    random: shortest first would train on short answers alone.
    """

    tokens: int = Field(gt=0, description="Budget Φ, in action tokens per update.")
    _report: dict[str, float] = PrivateAttr(default_factory=dict)

    def conflict(self, config: Any) -> str | None:
        """Report a learner denominator: the budget is the divisor."""
        if config.learner.denominator != "token":
            return (
                f"divides by its budget, and learner.denominator asks for "
                f"{config.learner.denominator!r}: leave that out, or take batching 'shuffled'"
            )
        return None

    def __call__(self, groups: Sequence[Group], seed: str) -> Iterator[list[Sample]]:
        """Yield the one batch."""
        samples = self.candidates(groups)
        random.Random(seed).shuffle(samples)
        batch: list[Sample] = []
        used = 0
        for sample in samples:
            if used >= self.tokens:
                break
            batch.append(sample)
            used += sample.tokens
        self._report = {
            "compose/budget_used": used / self.tokens,
            "compose/left_out": float(len(samples) - len(batch)),
        }
        if batch:
            yield batch

    def weights(
        self, batch: list[Sample], denominator: Denominator, constant: float
    ) -> list[float]:
        """Weight 1/Φ for every token."""
        return [1.0 / self.tokens] * len(batch)

    def report(self) -> dict[str, float]:
        """Share of the budget used, and number of episodes left out."""
        return self._report
