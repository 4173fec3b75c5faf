"""Escalating shares of the hints for groups that fail (GHPO, arXiv 2507.10628)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from envgym.trainers.guidance.reroll import Reroll
from envgym.trainers.plugin import register

Share = Annotated[float, Field(gt=0, le=1)]


@register("ghpo")
class Ghpo(Reroll):
    """All fail: y_i ~ π(· | x, the first ⌈ω n⌉ of n hints), ω = 0.25, 0.5, 0.75 until one succeeds.

    The loss sees the hints too, on-policy: numerator and denominator condition on them. The
    source shows the first share ω of a reference solution's text; here the environment's
    graded hints are the reference, since that text often is the answer. The failed plain group
    stays for scores and curricula; a group-relative advantage gives it no gradient.

    Trap: the trigger is the raw score alone, as points for format would hide failures. Early
    failures are failures of format, not of difficulty: hence ``cold_start``. Evaluate without
    hints: learnt with them in view, skill may stay with them.
    """

    vanish: bool = Field(
        False,
        description="Whether the loss leaves the hints out of the context; false keeps them, "
        "on-policy.",
    )
    shares: tuple[Share, ...] = Field(
        (0.25, 0.5, 0.75), description="Shares ω of the hints that the levels show, in order."
    )
    cold_start: int = Field(20, ge=0, description="Number of first steps without re-rolls.")

    def levels(self, hints: Sequence[str], step: int) -> list[Sequence[str]]:
        """The shares of the hints, each number of hints once; none in a cold start."""
        if step < self.cold_start:
            return []
        counts = dict.fromkeys(math.ceil(share * len(hints)) for share in self.shares)
        return [hints[:count] for count in counts if count]
