from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envgym.errors import UsageError
from envgym.task import Task, TaskSource
from envgym.trainers.loop import as_groups
from envgym.trainers.recipe import load_config
from envgym.trainers.samplers import Adaptive, Uniform
from tests.trainers.helpers import episode

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


def played(*rewards: list[float]) -> list[list[object]]:
    return as_groups(
        [
            episode([([1], [2])], reward=r, score=r, group=str(place))
            for place, group in enumerate(rewards)
            for r in group
        ]
    )


def test_a_step_begins_with_as_many_as_the_worst_step_needed() -> None:
    sampler, mixed, equal = Adaptive(), [0.0, 1.0], [1.0, 1.0]

    def first(count: int) -> int:
        return len(sampler.draw(SOURCE, count, "0"))

    assert first(3) == 3
    sampler.observe(played(mixed, equal, equal))
    refill = sampler.draw(SOURCE, 2, "1", {SOURCE[0].key})
    assert len(refill) == 2  # sized by the step's own share already
    sampler.observe(played(mixed, equal))
    assert first(2) == 5  # 2 of 5 were kept
    sampler.observe(played(mixed, mixed, mixed))
    assert first(2) == 5  # the smallest share counts
    sampler.observe(played(*[equal] * 9, mixed))
    assert first(2) == 8  # 1 of 10 is less than the floor of 1/4
    other = Adaptive()
    other.load(sampler.state())
    assert other.draw(SOURCE, 2, "3") == sampler.draw(SOURCE, 2, "3")


@pytest.mark.parametrize(
    ("rollout", "words"),
    [
        ("{dynamic_rounds: 1}", "set rollout.dynamic_rounds"),
        ("{dynamic_rounds: 2, dynamic_by: score}", "is not rollout.dynamic_by"),
    ],
)
def test_adaptive_draws_need_dynamic_sampling(rollout: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        load_config("demo", ["sampler=adaptive", f"rollout={rollout}"])
    load_config("demo", ["sampler=adaptive", "rollout={dynamic_rounds: 2}"])
