"""Confidence intervals of means and of shares, at 95 %."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

# 97.5 % quantiles of Student's t for 1, 2, … 30 degrees of freedom.
_T = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228),
    *(2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086),
    *(2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042),
)
_Z = 1.959964  # 97.5 % quantile of the normal distribution


@dataclass(frozen=True)
class Interval:
    """Mean with its 95 % interval; of one value, both ends equal the mean."""

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


def wilson(share: float, count: float) -> Interval:
    """Wilson score interval of a share of `count` independent trials (Wilson 1927).

    It stays within [0, 1] and has a width where the share is 0 or 1, where a t interval has none.
    """
    square = _Z * _Z / count
    middle = (share + square / 2) / (1 + square)
    half = _Z * (share * (1 - share) / count + square / (4 * count)) ** 0.5 / (1 + square)
    # Rounding may carry an end past the share where that is 0 or 1.
    return Interval(share, min(share, max(0.0, middle - half)), max(share, min(1.0, middle + half)))


def success_interval(by_task: Sequence[Sequence[bool]]) -> Interval:
    """Wilson interval of the mean success rate of tasks, each tried several times.

    Trials of one task are alike, so they are worth fewer independent ones: n = p (1 - p) / SE²,
    with the standard error over the tasks' means, within the number of tasks and of trials (Kish's
    effective sample size; Miller 2024, arXiv 2411.00640, on clustered errors). Where every trial
    ended alike, or there is one task, nothing tells how alike they are: n is the number of tasks.

    Args:
        by_task: The outcomes of each task; at least one task, none without an outcome.
    """
    means = [statistics.fmean(outcomes) for outcomes in by_task]
    share = statistics.fmean(means)
    tasks, trials = len(means), sum(map(len, by_task))
    variance = statistics.variance(means) / tasks if tasks > 1 else 0.0
    spread = share * (1 - share)
    worth = spread / variance if variance else (trials if spread and tasks > 1 else tasks)
    return wilson(share, min(max(worth, tasks), trials))
