from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envgym.task import Task, TaskSource
from envgym.trainers.samplers import Uniform

SOURCE = TaskSource.rows([Task({"n": n}) for n in range(10)])


def drawn(count: int, seed: str = "0", taken: frozenset[str] = frozenset()) -> list[int]:
    return [task.data["n"] for task in Uniform().draw(SOURCE, count, seed, taken)]


def test_draws_are_distinct_and_follow_the_seed() -> None:
    assert len(set(drawn(7))) == 7
    assert drawn(7) == drawn(7) != drawn(7, "1")


def test_more_than_there_are_come_round_after_round() -> None:
    many = drawn(24)
    assert sorted(many[:10]) == sorted(many[10:20]) == list(range(10))
    assert len(set(many[20:])) == 4


@given(st.sets(st.integers(0, 9)), st.integers(1, 12))
def test_a_refill_takes_what_was_not_played(played: set[int], count: int) -> None:
    taken = frozenset(SOURCE[n].key for n in played)
    found = drawn(count, taken=taken)
    assert len(found) == count
    first = found[: 10 - len(played)]
    assert len(set(first)) == len(first)
    assert not played & set(first)


@pytest.mark.parametrize("count", [1, 5, 10])
def test_all_tasks_are_equally_likely(count: int) -> None:
    times = [0] * 10
    for seed in range(300):
        for n in drawn(count, str(seed)):
            times[n] += 1
    assert max(abs(t - 30 * count) for t in times) < 5 * (30 * count) ** 0.5
