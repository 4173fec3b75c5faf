"""Intervals and verdicts against numbers worked out by hand."""

from __future__ import annotations

import pytest

from envgym.errors import UsageError
from envgym.trainers.reproduce.statistics import (
    Interval,
    Verdict,
    gain,
    interval,
    judge,
    together,
)

R, N, X = Verdict.REPRODUCED, Verdict.NOT_REPRODUCED, Verdict.REVERSED


def test_differences_are_taken_seed_by_seed() -> None:
    """Seeds differ by far more than the sides do: 0.1, 0.5, 0.9 against 0.2, 0.6, 1.0."""
    found = gain([0.1, 0.5, 0.9], [0.2, 0.6, 1.0], "higher")
    assert (found.mean, found.low, found.high) == pytest.approx((0.1, 0.1, 0.1))
    assert judge(found, 0.0) is R
    assert judge(gain([0.1, 0.5, 0.9], [0.2, 0.6, 1.0], "lower"), 0.0) is X


@pytest.mark.parametrize(
    ("low", "high", "tolerance", "verdict"),
    [
        (0.01, 0.2, 0.0, R),
        (-0.01, 0.2, 0.0, N),
        (0.0, 0.0, 0.0, N),  # equal sides show no gain
        (-0.2, -0.01, 0.0, X),
        (-0.04, 0.2, 0.05, R),  # no worse by more than 0.05
        (-0.06, 0.2, 0.05, N),
        (0.0, 0.0, 0.05, R),
        (-0.2, -0.06, 0.05, X),
        (-0.2, -0.04, 0.05, N),
    ],
)
def test_verdicts(low: float, high: float, tolerance: float, verdict: Verdict) -> None:
    assert judge(Interval((low + high) / 2, low, high), tolerance) is verdict


def test_claims_stand_together() -> None:
    assert [together(v) for v in ([R], [R, N], [N, X, R])] == [R, N, X]


def test_what_cannot_be_judged() -> None:
    with pytest.raises(UsageError, match="two seeds"):
        gain([0.5], [0.7], "higher")
    with pytest.raises(UsageError, match="not finite"):
        gain([0.5, float("nan")], [0.7, 0.8], "higher")


def test_the_table_is_students() -> None:
    """A quantile q of t with 2 degrees of freedom has a closed form: q = a √(2 / (1 - a²)),
    a = 2 · 0.975 - 1; with 1 it is tan(0.475 π), and the normal's 1.96 is its limit."""
    import math

    spreads = {n: interval([0.0] * (n - 1) + [1.0]) for n in (2, 3)}
    t = {n: (s.high - s.mean) / (1 / n) for n, s in spreads.items()}  # s/√n of those is 1/n
    assert t[2] == pytest.approx(math.tan(0.475 * math.pi), abs=1e-3)
    assert t[3] == pytest.approx(0.95 * (2 / (1 - 0.95**2)) ** 0.5, abs=1e-3)
