"""Intervals against numbers worked out by hand, and properties of those of shares."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envgym.trainers.running.intervals import Interval, interval, success_interval, wilson


def test_an_interval_by_hand() -> None:
    """1, 2, 3, 4, 5: mean 3, s² = 10/4, s/√5 = √0.5; t(0.975, 4) = 2.776."""
    found = interval([1, 2, 3, 4, 5])
    assert found.mean == 3
    assert found.high - 3 == pytest.approx(2.776 * 0.5**0.5)
    assert 3 - found.low == pytest.approx(2.776 * 0.5**0.5)


def test_two_seeds_say_little() -> None:
    """0 and 1: s/√2 = 0.5, and t(0.975, 1) = 12.706."""
    assert interval([0, 1]).to_json() == pytest.approx({"mean": 0.5, "low": -5.853, "high": 6.853})


def test_one_value_has_no_interval_and_equal_ones_one_of_no_width() -> None:
    assert interval([0.25]) == Interval(0.25, 0.25, 0.25)
    assert interval([0.5, 0.5, 0.5]) == Interval(0.5, 0.5, 0.5)


def test_more_values_than_the_table_has() -> None:
    values = [0.0, 1.0] * 50  # s² = 100 · 0.25 / 99
    half = 2.042 * (25 / 99) ** 0.5 / 10
    assert interval(values).high == pytest.approx(0.5 + half)


def test_a_wilson_interval_by_hand() -> None:
    """8 of 10, z = 1.96: (0.8 + 0.19207) / 1.38414 ± 1.96 √(0.016 + 0.0096036) / 1.38414."""
    found = wilson(0.8, 10)
    assert (found.low, found.high) == pytest.approx((0.49016, 0.94332), abs=1e-4)


def test_no_success_in_ten_leaves_room() -> None:
    """z² / (n + z²)."""
    found = wilson(0.0, 10)
    assert (found.mean, found.low) == (0.0, 0.0)
    assert found.high == pytest.approx(3.84146 / 13.84146, abs=1e-4)
    assert wilson(1.0, 10).low == pytest.approx(1 - found.high)


@given(st.floats(0, 1), st.integers(1, 10_000))
def test_a_wilson_interval_holds_its_share_and_stays_a_share(share: float, count: int) -> None:
    found = wilson(share, count)
    assert 0 <= found.low <= share <= found.high <= 1
    assert wilson(share, 2 * count).high - wilson(share, 2 * count).low < found.high - found.low


def test_one_trial_a_task_is_a_plain_share() -> None:
    assert success_interval([[True]] * 8 + [[False]] * 2).high == pytest.approx(
        wilson(0.8, 10).high, abs=0.01
    )


def test_trials_that_repeat_their_task_are_worth_one() -> None:
    """Four equal trials of each of ten tasks say no more than one."""
    repeated = [[True] * 4] * 7 + [[False] * 4] * 3
    assert success_interval(repeated) == wilson(0.7, 10)


def test_trials_that_differ_within_their_task_are_worth_their_number() -> None:
    """Each task is solved once in two: the number of trials bounds the worth."""
    assert success_interval([[True, False]] * 10) == wilson(0.5, 20)
    assert success_interval([[True, True]] * 10) == wilson(1.0, 10)
    assert success_interval([[True, False, True, False]]) == wilson(0.5, 1)
    mixed = [[True, False]] * 20 + [[True, True], [False, False]]
    assert success_interval(mixed) == wilson(0.5, 44)


def test_intervals_hold_the_truth_nineteen_times_in_twenty() -> None:
    """Tasks of different difficulty, four trials each; 400 evaluations."""
    dice, held = random.Random(0), 0
    for _ in range(400):
        chances = [dice.random() ** 2 for _ in range(40)]
        found = success_interval([[dice.random() < c for _ in range(4)] for c in chances])
        held += found.low <= 1 / 3 <= found.high  # the mean of the square of a uniform number
    assert 0.93 <= held / 400 <= 0.98
