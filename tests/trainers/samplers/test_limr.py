"""LIMR: alignment of a task's curve of success with the mean curve."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envgym.errors import UsageError
from envgym.trainers.samplers import Limr, alignment_scores
from tests.trainers.samplers.recorded import SOURCE, TASKS, numbers, record

RATES = st.floats(0, 1)


def test_scores_by_hand() -> None:
    """Mean 0.25, 0.75: the scale is 0.5625 + 0.0625 = 0.625."""
    scores = alignment_scores({"mean": [0.25, 0.75], "low": [0.0, 0.5], "high": [0.5, 1.0]})
    assert scores["mean"] == pytest.approx(1.0)
    assert scores["low"] == scores["high"] == pytest.approx(1 - 0.125 / 0.625)


@given(st.lists(st.lists(RATES, min_size=3, max_size=3), min_size=1, max_size=6))
def test_always_solved_scores_zero_and_never_solved_less_than_the_mean(
    curves: list[list[float]],
) -> None:
    named = {str(i): curve for i, curve in enumerate(curves)}
    scores = alignment_scores({**named, "solved": [1.0] * 3})
    assert scores["solved"] == pytest.approx(0.0, abs=1e-12)
    assert all(score <= 1 for score in scores.values())
    mean = [sum(epoch) / len(epoch) for epoch in zip(*curves, strict=True)]
    if min(mean) < 1:
        assert alignment_scores({**named, "mean": mean})["mean"] == pytest.approx(1.0)


def test_never_solved_is_far_below_zero_where_the_mean_is_high() -> None:
    curves = {str(i): [0.8, 0.9] for i in range(8)}
    scores = alignment_scores({**curves, "never": [0.0, 0.0]})
    assert scores["never"] == pytest.approx(-8.28, abs=1e-2)
    assert scores["0"] > 0.6


def test_all_solved_throughout_scores_zero() -> None:
    assert alignment_scores({"a": [1.0, 1.0], "b": [1.0, 1.0]}) == {"a": 0.0, "b": 0.0}


def test_missing_epochs_are_those_of_the_next_and_no_end_is_no_score() -> None:
    given_ = {"gap": [0.0, None, 0.5], "late": [None, None, 1.0], "gone": [1.0, 1.0, None]}
    filled = {"gap": [0.0, 0.5, 0.5], "late": [1.0, 1.0, 1.0]}
    assert alignment_scores(given_) == alignment_scores(filled)


def run(folder: Path) -> Path:
    """Two epochs of two steps: tasks 0 to 2 follow the mean, 3 is always solved, 4 never."""
    learnt = ([0, 0, 0, 1], [1, 1, 0, 1])
    first = [{0: learnt[0], 1: learnt[0], 3: [1]}, {2: learnt[0], 4: [0]}]
    second = [{0: learnt[1], 1: learnt[1], 3: [1]}, {2: learnt[1], 4: [0]}]
    return record(folder, [*first, *second])


def test_a_run_draws_from_the_aligned_tasks_alone(tmp_path: Path) -> None:
    sampler = Limr(run=str(run(tmp_path)), epoch_steps=2)
    assert set(numbers(sampler.draw(SOURCE, 9, "0"))) == {0, 1, 2}
    assert sorted(numbers(sampler.draw(SOURCE, 3, "0"))) == [0, 1, 2]
    assert set(numbers(sampler.draw(SOURCE, 2, "0", {TASKS[1].key}))) == {0, 2}


def test_the_control_draws_as_many_tasks_at_random(tmp_path: Path) -> None:
    def drawn(folder: Path) -> set[int]:
        sampler = Limr(run=str(folder), epoch_steps=2, at_random=True)
        return set(numbers(sampler.draw(SOURCE, 30, "0")))

    first = drawn(run(tmp_path / "a"))
    assert len(first) == 3
    assert drawn(run(tmp_path / "b")) == first  # the same curves
    others = [{0: [0], 1: [0], 2: [0]}, {}, {n: [1] * 9 + [0] * n for n in range(3)}, {}]
    other = drawn(record(tmp_path / "c", others))
    assert len(other) == 3
    assert other != first


def test_a_resumed_run_draws_from_the_same_tasks_whatever_became_of_the_files(
    tmp_path: Path,
) -> None:
    sampler = Limr(run=str(run(tmp_path / "a")), epoch_steps=2)
    sampler.check_source(SOURCE)
    other = Limr(run=str(tmp_path / "moved"), epoch_steps=2)
    other.load(sampler.state())
    assert other.draw(SOURCE, 5, "1") == sampler.draw(SOURCE, 5, "1")


def test_nothing_to_draw_is_said_before_the_run(tmp_path: Path) -> None:
    folder = str(run(tmp_path))
    with pytest.raises(UsageError, match="none of its 0 chosen tasks is among the 10 of the pool"):
        Limr(run=folder, epoch_steps=2, min_score=1.0).check_source(SOURCE)
    with pytest.raises(UsageError, match="holds no episodes"):
        Limr(run=str(tmp_path / "none")).check_source(SOURCE)
