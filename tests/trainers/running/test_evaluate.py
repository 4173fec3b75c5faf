from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envgym.rollout.runner import RolloutResult
from envgym.trainers.running.evaluate import pass_at_k, summarise
from tests.trainers.helpers import episode


@given(st.integers(1, 8), st.data())
def test_pass_at_k_against_brute_force(n: int, data: st.DataObject) -> None:
    c, k = data.draw(st.integers(0, n)), data.draw(st.integers(1, n))
    draws = list(combinations([True] * c + [False] * (n - c), k))
    assert pass_at_k(n, c, k) == pytest.approx(sum(map(any, draws)) / len(draws))


def test_pass_at_k_refuses_more_than_was_drawn() -> None:
    with pytest.raises(ValueError, match="within"):
        pass_at_k(4, 2, 5)


def test_scores_are_means_over_tasks() -> None:
    made = [episode([([1], [2])], score=s, group=g) for s, g in ((1, "a"), (0, "a"), (0, "b"))]
    scores = summarise(RolloutResult(made), samples=2)
    assert scores.score == pytest.approx(0.25)
    assert (scores.tasks, scores.episodes) == (2, 3)
    assert scores.pass_at[1] == pytest.approx(0.25)
    assert scores.pass_at[2] == pytest.approx(1.0)


def test_lengths_and_metrics_are_means_over_episodes() -> None:
    made = [episode([([1], [2, 3]), ([4], [5])]), episode([([1], [2])])]
    made[0].metrics = {"reads": 3.0}
    scores = summarise(RolloutResult(made), samples=1)
    assert (scores.turns, scores.tokens, scores.metrics) == (1.5, 2.0, {"reads": 1.5})
    nothing = summarise(RolloutResult([]), samples=1)
    assert (nothing.turns, nothing.tokens, nothing.metrics) == (0.0, 0.0, {})
