"""Statistics of a verdict: paired t intervals, and the rule that judges a claim by them.

Baseline and method run on the same seeds, so the differences are per seed, and the interval is
Student's t interval of the mean of those differences, at 95 %. (A bootstrap of so few
seeds would be too narrow: of five, a percentile interval misses the mean about one time in six.)
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Literal

from envgym.errors import UsageError

RULE = (
    "Paired by seed: the 95 % t interval of the mean difference (method against baseline, in the "
    "claimed direction) lies wholly above minus the tolerance: reproduced; wholly below: reversed; "
    "otherwise: not reproduced. Several claims: reproduced where all are, reversed where one is."
)

# 97.5 % quantiles of Student's t for 1, 2, … 30 degrees of freedom.
_T = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228),
    *(2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086),
    *(2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042),
)


class Verdict(StrEnum):
    """Verdict on a claim."""

    REPRODUCED = "reproduced"
    NOT_REPRODUCED = "not reproduced"
    REVERSED = "reversed"
    NOT_TESTED = "not tested"
    """A precondition failed: the runs say nothing about the claim."""


@dataclass(frozen=True)
class Interval:
    """Mean over seeds with its 95 % interval; with one seed, both ends equal the mean."""

    mean: float
    low: float
    high: float

    def to_json(self) -> dict[str, Any]:
        """The interval as JSON values."""
        return asdict(self)


def interval(values: Sequence[float]) -> Interval:
    """Student's t interval of the mean: mean ± t(0.975, n - 1) · s / √n.

    Above 31 values the quantile stays that of 31, which is a little too wide.
    """
    mean = statistics.fmean(values)
    if len(values) < 2:
        return Interval(mean, mean, mean)
    half = _T[min(len(values) - 1, len(_T)) - 1] * statistics.stdev(values) / len(values) ** 0.5
    return Interval(mean, mean - half, mean + half)


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
