"""Statistics of a verdict: paired t intervals, and the rule that judges a claim by them.

Baseline and method run on the same seeds, so the differences are per seed, and the interval is
Student's t interval of the mean of those differences, at 95 %. (A bootstrap of so few
seeds would be too narrow: of five, a percentile interval misses the mean about one time in six.)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum
from typing import Literal

from envgym.errors import UsageError
from envgym.trainers.running.intervals import Interval, interval

RULE = (
    "Paired by seed: the 95 % t interval of the mean difference (method against baseline, in the "
    "claimed direction) lies wholly above minus the tolerance: reproduced; wholly below: reversed; "
    "otherwise: not reproduced. Several claims: reproduced where all are, reversed where one is."
)


class Verdict(StrEnum):
    """Verdict on a claim."""

    REPRODUCED = "reproduced"
    NOT_REPRODUCED = "not reproduced"
    REVERSED = "reversed"
    NOT_TESTED = "not tested"
    """A precondition failed: the runs say nothing about the claim."""


def gain(
    baseline: Sequence[float], method: Sequence[float], better: Literal["higher", "lower"]
) -> Interval:
    """Interval of the method's improvement over the baseline, paired by seed.

    Raises:
        UsageError: There are fewer than two seeds, or a figure is not finite.
    """
    if len(baseline) < 2:
        raise UsageError("a verdict needs at least two seeds: give --seeds 2 or more")
    if not all(map(math.isfinite, (*baseline, *method))):
        raise UsageError("a figure is not finite: look at the runs' metrics before judging")
    sign = 1 if better == "higher" else -1
    return interval([sign * (m - b) for b, m in zip(baseline, method, strict=True)])


def judge(difference: Interval, tolerance: float) -> Verdict:
    """Judge whether the method is better (or, with a tolerance, no worse by more than that)."""
    if difference.low > -tolerance:
        return Verdict.REPRODUCED
    if difference.high < -tolerance:
        return Verdict.REVERSED
    return Verdict.NOT_REPRODUCED


def together(verdicts: Sequence[Verdict]) -> Verdict:
    """Combine the verdicts of several claims: all must be reproduced."""
    if Verdict.REVERSED in verdicts:
        return Verdict.REVERSED
    if Verdict.NOT_REPRODUCED in verdicts:
        return Verdict.NOT_REPRODUCED
    return Verdict.REPRODUCED
