from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from envgym.errors import UsageError
from envgym.messages import hint, user
from envgym.trainers.advantages import Gagpo, Gigpo, Hgpo, OptimalTokenBaseline
from envgym.trainers.advantages.state_groups import anchors, compared
from envgym.trainers.collection.samples import Sample
from tests.trainers.helpers import episode


def sample(seen: str, rewards: Sequence[float]) -> Sample:
    """A sample that saw one letter a turn."""
    made = episode([([1], [2]) for _ in seen])
    for turn, letter in zip(made.turns, seen, strict=True):
        turn.messages = (user(letter),)
    one = Sample(made, made.trajectory)
    one.add_reward_turns("environment", rewards)
    return one


def turns(one: Sample) -> list[float]:
    return [float(a[0]) for a in one.advantages]


def test_gigpo_by_hand() -> None:
    first, second = sample("abc", [0, 0, 1]), sample("ab", [0, 0])
    Gigpo(gamma=0.5, std="none", omega=2.0)([[first, second]])
    # A^E: ±0.5. R: (.25, .5, 1), (0, 0). At a: mean .125; at b: .25; at c: alone.
    assert turns(first) == pytest.approx([0.5 + 2 * 0.125, 0.5 + 2 * 0.25, 0.5])
    assert turns(second) == pytest.approx([-0.5 - 2 * 0.125, -0.5 - 2 * 0.25])


def test_gigpo_divides_by_the_anchors_deviation() -> None:
    first, second = sample("ab", [0, 1]), sample("ab", [0, 0])
    Gigpo(gamma=1.0, eps=0.0)([[first, second]])
    assert turns(first) == pytest.approx([2 * 0.5**0.5] * 2)  # each level ±sqrt(1/2)
    assert turns(second) == pytest.approx([-2 * 0.5**0.5] * 2)


def test_a_state_met_again_in_an_episode_compares_with_itself() -> None:
    """Going round in a circle costs time, and the first visit is told so."""
    first, second = sample("aab", [0, 0, 1]), sample("c", [1])
    Gigpo(gamma=0.5, std="none")([[first, second]])
    assert turns(first) == pytest.approx([0.25 - 0.375, 0.5 - 0.375, 0.0])


def test_histories_tell_equal_observations_apart() -> None:
    def group() -> list[Sample]:
        return [sample("axz", [0, 0, 1]), sample("ayz", [0, 0, 0]), sample("axz", [0, 0, 0])]

    exact, aware = group(), group()
    Gigpo(gamma=1.0, std="none")([exact])
    Gigpo(gamma=1.0, std="none", history=1, alpha=1.0)([aware])
    outcome = [2 / 3, -1 / 3, -1 / 3]
    last = [s.advantages[2][0] - e for s, e in zip(exact, outcome, strict=True)]
    assert last == pytest.approx([2 / 3, -1 / 3, -1 / 3])  # z alone: all three compare
    last = [s.advantages[2][0] - e for s, e in zip(aware, outcome, strict=True)]
    # After x: ±1/2, weighted 2 beside 1 for z alone. After y: nobody else, so z alone.
    assert last == pytest.approx([(2 / 3 + 2 * 0.5) / 3, -1 / 3, (-1 / 3 - 2 * 0.5) / 3])
    assert Hgpo().history == 2


def test_hints_and_tokens_are_no_part_of_an_anchor() -> None:
    plain, guided = sample("ab", [0, 0]), sample("ab", [0, 0])
    guided.trajectory.turns[1].messages = (hint("left"), user("b"))
    guided.trajectory.turns[1].context[0].ids = [7, 7, 7]
    for history in (0, 1, 5):
        assert anchors(plain, history) == anchors(guided, history)
    young, old = sample("ab", [0, 0]), sample("xab", [0, 0, 0])
    assert anchors(young, 0)[1] == anchors(old, 0)[2]
    assert anchors(young, 1)[1] == anchors(old, 1)[2]
    assert anchors(young, 2)[1] != anchors(old, 2)[2]  # the start is part of what is remembered


def test_a_state_that_the_environment_names_goes_by_its_name() -> None:
    first, second = sample("ab", [0, 1]), sample("cb", [0, 0])  # another way of seeing one hall
    for one, names in ((first, ("hall", "left")), (second, ("hall", "right"))):
        for turn, name in zip(one.trajectory.turns, names, strict=True):
            turn.anchor = name
    here, there = anchors(first, 0), anchors(second, 0)
    assert here[0] == there[0]
    assert here[1] != there[1]


def test_gagpo_credits_the_step_at_which_episodes_part() -> None:
    first, second = sample("abc", [0, 0, 1]), sample("abd", [0, 0, 0])
    Gagpo(gamma=1.0, lam=0.0, eps=0.0)([[first, second]])
    # V: a, b: 1/2; c: 1; d: 0. δ: (0, 1/2, 0), (0, -1/2, 0).
    deviation = np.std([0, 0.5, 0, 0, -0.5, 0], ddof=1)
    assert turns(first) == pytest.approx([0, 0.5 / deviation, 0])
    assert turns(second) == pytest.approx([0, -0.5 / deviation, 0])


def test_gagpo_with_lambda_one_is_returns_over_the_anchors_mean() -> None:
    first, second = sample("abc", [0, 0, 1]), sample("abd", [0, 0, 0])
    Gagpo(gamma=1.0, lam=1.0, eps=0.0)([[first, second]])
    signs = [np.sign(turns(s)).tolist() for s in (first, second)]
    assert signs == [[1, 1, 0], [-1, -1, 0]]


def test_means_of_equal_values_are_the_value() -> None:
    mean, deviation, count = compared(np.array([0, 0, 0, 1]), np.array([0.1, 0.1, 0.1, 3.0]))
    assert mean.tolist() == [0.1, 0.1, 0.1, 3.0]
    assert deviation.tolist() == [0, 0, 0, 0]
    assert count.tolist() == [3, 3, 3, 1]


def test_optimal_token_baseline_by_hand() -> None:
    made = [episode([([1], [2, 3]), ([4], [5])]), episode([([1], [2]), ([4], [5])])]
    first, second = (Sample(e, e.trajectory) for e in made)
    first.add_reward("score", 1.0)
    first.norms = [np.array([0.5, 0.5], np.float32), np.array([1.0], np.float32)]
    second.norms = [np.array([1.0], np.float32), np.array([2.0], np.float32)]
    OptimalTokenBaseline()([[first, second]])
    # W: (.5, 1, 2), (1, 3). b: .5 / 1.5; 1 / 4; then the last of two goes on.
    assert [a.tolist() for a in first.advantages] == [
        pytest.approx([2 / 3, 3 / 4]),
        pytest.approx([3 / 4]),
    ]
    assert turns(second) == pytest.approx([-1 / 3, -1 / 4])


def test_optimal_token_baseline_without_norms_says_so() -> None:
    with pytest.raises(UsageError, match="otb"):
        OptimalTokenBaseline()([[sample("a", [0]), sample("a", [1])]])
