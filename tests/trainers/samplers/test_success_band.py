"""Bands of running success rates, and shuffled epochs."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from envgym.trainers.samplers import Epochs, SuccessBand
from tests.trainers.samplers.recorded import SOURCE, TASKS, numbers, played

SCORES = st.dictionaries(st.integers(0, 9), st.lists(st.sampled_from([0.0, 1.0]), min_size=1))


def test_the_band_comes_first() -> None:
    sampler = SuccessBand(explore=0.001)
    sampler.observe(played({0: [1, 0], 1: [1, 1], 2: [0, 0], 3: [1, 0, 0, 0, 0]}))
    assert set(numbers(sampler.draw(SOURCE, 2, "0"))) == {0, 3}
    # it has no more: the others fill in, and all come once before one repeats
    assert set(numbers(sampler.draw(SOURCE, 10, "0"))) == set(range(10))
    assert {0, 3} <= set(numbers(sampler.draw(SOURCE, 3, "1")))


def test_a_kind_may_have_the_rate() -> None:
    sampler = SuccessBand(by="kind", explore=0.001)
    sampler.observe(played({0: [1, 0], 1: [1, 1]}))
    assert all(n % 2 == 0 for n in numbers(sampler.draw(SOURCE, 5, "0")))


def test_exploration_draws_the_share_from_the_others() -> None:
    sampler = SuccessBand(explore=0.3)
    sampler.observe(played({n: [1, 0] for n in range(5)}))
    drawn = [n for seed in range(300) for n in numbers(sampler.draw(SOURCE, 4, str(seed)))]
    assert abs(sum(n >= 5 for n in drawn) - 0.3 * 1200) < 5 * (0.3 * 0.7 * 1200) ** 0.5


def test_no_task_is_left_for_good() -> None:
    sampler = SuccessBand(explore=0.1)
    sampler.observe(played({0: [1, 0], **{n: [0, 0] for n in range(1, 10)}}))
    assert set(numbers(t for s in range(2000) for t in sampler.draw(SOURCE, 1, str(s)))) == set(
        range(10)
    )


@given(
    st.lists(SCORES, max_size=4),
    st.integers(1, 24),
    st.sets(st.integers(0, 9)),
    st.sampled_from(["task", "difficulty", "kind"]),
    st.integers(1, 10),
)
def test_counts_sources_and_resumes(
    rounds: list[dict[int, list[float]]], count: int, played_: set[int], by: str, pool: int
) -> None:
    sampler = SuccessBand(by=by, pool=pool)
    for scores in rounds:
        sampler.observe(played(scores))
    taken = frozenset(TASKS[n].key for n in played_)
    drawn = numbers(sampler.draw(SOURCE, count, "0", taken))
    fresh = set(range(pool)) - played_
    assert len(drawn) == count
    assert set(drawn) <= set(range(pool))
    assert len(set(drawn[: len(fresh)])) == min(count, len(fresh))
    assert not played_ & set(drawn[: len(fresh)])
    other = SuccessBand(by=by, pool=pool)
    other.load(json.loads(json.dumps(sampler.state())))
    assert numbers(other.draw(SOURCE, count, "0", taken)) == drawn


@given(st.lists(st.integers(1, 7), min_size=1, max_size=12), st.integers(3, 10))
def test_every_epoch_has_every_task_once(counts: list[int], pool: int) -> None:
    sampler = Epochs(pool=pool)
    drawn: list[int] = []
    for step, count in enumerate(counts):
        if step == len(counts) // 2:
            kept = json.loads(json.dumps(sampler.state()))
            sampler = Epochs(pool=pool)
            sampler.load(kept)
        found = numbers(sampler.draw(SOURCE, count, f"0:{step}:0"))
        assert len(found) == count
        assert len(set(found)) == min(count, pool)
        drawn += found
    whole = len(drawn) // pool * pool
    for begin in range(0, whole, pool):
        assert sorted(drawn[begin : begin + pool]) == list(range(pool))


def test_a_refill_over_the_end_of_an_epoch_takes_other_tasks() -> None:
    for seed in range(30):
        sampler = Epochs(pool=6)
        sampler.draw(SOURCE, 2, f"{seed}:0:0")
        first = sampler.draw(SOURCE, 3, f"{seed}:1:0")
        refill = sampler.draw(SOURCE, 3, f"{seed}:1:1", {task.key for task in first})
        assert not set(numbers(first)) & set(numbers(refill))


def test_epochs_are_shuffled_anew() -> None:
    sampler = Epochs()
    assert numbers(sampler.draw(SOURCE, 10, "a")) != numbers(sampler.draw(SOURCE, 10, "b"))
