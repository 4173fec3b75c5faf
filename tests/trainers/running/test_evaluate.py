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


def test_figures_stand_beside_their_denominators() -> None:
    """Two tasks of two samples; one more sample broke, and one was never played."""
    made = [
        episode([([1], [2])], score=s, group=g)
        for s, g in ((1, "a"), (1, "a"), (0, "b"), (1, "b"), (0, "c"))
    ]
    broken = episode([([1], [2])], group="c")
    broken.fault = "infra: the server is gone"
    for each in (*made, broken):
        each.metrics = {"agent/cost": 0.25, "reads": 1.0}
    scores = summarise(RolloutResult(made, [broken]), samples=2, planned=8)
    assert (scores.tasks, scores.episodes, scores.planned) == (3, 5, 8)
    assert scores.left_out == {"not played": 2, "infra": 1}
    assert scores.infra_rate == pytest.approx(1 / 6)
    assert scores.pass_at == {1: 0.5, 2: 1.0}
    assert scores.pass_tasks == {1: 3, 2: 2}
    assert scores.usage == {"cost": 1.5}
    # task means 1, 1/2, 0: s = 1/2, and t(0.975, 2) = 4.303
    assert scores.score_interval.high - 0.5 == pytest.approx(4.303 * 0.5 / 3**0.5)
    assert scores.success.mean == 0.5
    assert 0 < scores.success.low < 0.5 < scores.success.high < 1


def test_other_faults_are_no_infra() -> None:
    broken = [episode([([1], [2])]) for _ in range(2)]
    broken[0].fault, broken[1].fault = "model: it refuses", "budget: no money is left"
    scores = summarise(RolloutResult([], broken), samples=1)
    assert (scores.left_out, scores.infra_rate) == ({"model": 1, "budget": 1}, 0.0)
    assert (scores.success.low, scores.success.high, scores.pass_at) == (0.0, 0.0, {})


def test_tokens_are_those_that_the_server_counted_where_it_keeps_the_ids() -> None:
    served = episode([([], []), ([], [])])
    served.metrics = {"agent/output_tokens": 40.0}
    assert summarise(RolloutResult([served]), samples=1).tokens == 40.0
