from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from envgym.errors import UsageError
from envgym.trainers.advantages import BiLevelGae, Gae, TurnGae
from envgym.trainers.advantages.credit import (
    baseline_by_position,
    discounted_sums,
    rewards_by_token,
)
from envgym.trainers.collection.samples import Sample
from envgym.trainers.plugin import PLUGINS
from tests.trainers.helpers import episode

CONTEXTS = ([4], [4] * 50)


def sample(
    turns: list[int], rewards: list[float], values: list[float], between: list[int] | None = None
) -> Sample:
    """A sample of turns of so many tokens, with what each earned and the tokens' values."""
    made = episode([(between or [1], list(range(n))) for n in turns])
    one = Sample(made, made.trajectory)
    one.add_reward_turns("environment", rewards)
    ends = np.cumsum(turns)[:-1]
    one.value = np.split(np.array(values, np.float32), ends)
    return one


def flat(parts: Any) -> list[float]:
    return [float(x) for part in parts for x in part]


@pytest.mark.parametrize("between", CONTEXTS)
def test_context_between_actions_is_neither_counted_nor_valued(between: list[int]) -> None:
    """Rewards [0, 0 | tool | 0, 1], V = 0.5, γ = 1, λ = 0.9: what three peers have wrong."""
    one = sample([2, 2], [0, 1], [0.5] * 4, between)
    Gae(lam=0.9, whiten=False)([[one]])
    assert flat(one.advantages) == pytest.approx([0.3645, 0.405, 0.45, 0.5])
    assert flat(one.returns) == pytest.approx([0.8645, 0.905, 0.95, 1.0])


def test_token_gae_by_hand() -> None:
    one = sample([1, 2], [0.25, 1], [0.5, 0.25, 0.75])
    Gae(gamma=0.5, lam=0.5, whiten=False)([[one]])
    # δ: .25 + .125 - .5 = -.125; .375 - .25 = .125; 1 - .75 = .25. A, each a quarter on:
    assert flat(one.advantages) == pytest.approx([-0.125 + 0.1875 / 4, 0.125 + 0.0625, 0.25])


def test_whitening_is_over_the_tokens_of_the_batch() -> None:
    samples = [sample([2], [1], [0, 0]), sample([1], [0], [0])]
    Gae()([[s] for s in samples])
    found = flat(part for s in samples for part in s.advantages)
    assert np.mean(found) == pytest.approx(0, abs=1e-6)
    assert np.std(found, ddof=1) == pytest.approx(1)
    assert flat(samples[0].returns) == [1, 1]  # the critic's targets are not whitened


def test_a_batch_without_a_difference_is_whitened_to_nothing() -> None:
    one = sample([3], [0], [0, 0, 0])
    Gae()([[one]])
    assert flat(one.advantages) == [0, 0, 0]


@pytest.mark.parametrize(
    ("at", "values"), [("first", [0.5, 9, 0.25, 9, 9]), ("last", [9, 0.5, 9, 9, 0.25])]
)
def test_turn_gae_by_hand(at: Any, values: list[float]) -> None:
    one = sample([2, 3], [0.5, 1], values)
    TurnGae(gamma=0.5, lam=0.5, at=at, whiten=False)([[one]])
    # Δ: .5 + .125 - .5 = .125; 1 - .25 = .75. A_1 = .125 + .75 / 4
    assert flat(one.advantages) == pytest.approx([0.3125] * 2 + [0.75] * 3)
    targets = [0.8125, 1.0]
    place = [0, 2] if at == "first" else [1, 4]
    found = flat(one.returns)
    assert [found[i] for i in place] == pytest.approx(targets)
    assert all(np.isnan(x) for i, x in enumerate(found) if i not in place)


def test_bi_level_gae_by_hand() -> None:
    one = sample([2, 2], [0, 1], [0.25, 0.5, 0.125, 0.75])
    BiLevelGae(gamma=0.5, lam=1.0, whiten=False)([[one]])
    # Turns, at their last tokens: Δ: 0 + .375 - .5 = -.125; 1 - .75 = .25. A: 0, .25.
    # Targets: .5, 1. Tokens: target - V, for λ = γ = 1 within the turn.
    assert flat(one.advantages) == pytest.approx([0.25, 0.0, 0.875, 0.25])
    assert flat(one.returns) == pytest.approx([0.5, 0.5, 1.0, 1.0])


def test_turns_that_earn_nothing_are_turns() -> None:
    """RAGEN finds turns by their rewards, and raises where there is none."""
    nothing = sample([1, 1, 1], [0, 0, 0], [0.5, 0.5, 0.5])
    BiLevelGae(gamma=1.0, whiten=False)([[nothing]])
    assert flat(nothing.advantages) == pytest.approx([-0.5] * 3)
    late = sample([1, 1, 1], [0, 0, 1], [0.0, 0.0, 0.0])
    BiLevelGae(gamma=0.5, whiten=False)([[late]])
    assert flat(late.advantages) == pytest.approx([0.25, 0.5, 1.0])


@pytest.mark.parametrize("name", ["gae", "turn_gae", "bi_level_gae"])
def test_a_recipe_without_a_critic_is_told_what_to_change(name: str) -> None:
    made = episode([([1], [2])])
    method: Any = PLUGINS["advantage"][name]()
    with pytest.raises(UsageError, match=rf"'{name}' needs the values of a critic.*grpo"):
        method([[Sample(made, made.trajectory)]])
    wrong = Sample(made, made.trajectory, token_data={"value": [np.zeros(3, np.float32)]})
    with pytest.raises(UsageError, match="every action token"):
        method([[wrong]])


def test_a_one_turn_episode_is_the_same_at_both_levels_without_decay() -> None:
    found = []
    for method in (Gae(whiten=False), BiLevelGae(gamma=1.0, whiten=False)):
        one = sample([3], [1], [0.25, 0.5, 0.75])
        method([[one]])
        found.append(flat(one.advantages))
    assert found[0] == found[1] == pytest.approx([0.75, 0.5, 0.25])


def test_rewards_stand_where_they_were_earned() -> None:
    one = sample([2, 1], [0.5, 1], [0, 0, 0])
    one.add_reward_tokens("kl", [np.array([-0.1, -0.2]), np.array([-0.3])])
    one.add_reward("overlong", -1.0)
    assert rewards_by_token(one).tolist() == pytest.approx([-0.1, 0.3, -0.3])
    assert one.reward == pytest.approx(-0.1)
    assert one.components == pytest.approx({"environment": 1.5, "kl": -0.6, "overlong": -1.0})


def test_discounted_sums_are_the_recurrence() -> None:
    values = np.random.default_rng(0).normal(size=53)
    found, after = [], 0.0
    for value in values[::-1]:
        after = value + 0.9 * after
        found.append(after)
    np.testing.assert_allclose(discounted_sums(values, 0.9), found[::-1], rtol=1e-12)
    assert discounted_sums(np.zeros(0), 0.9).tolist() == []
    assert discounted_sums(np.array([1.0, 2.0]), 0.0).tolist() == [1, 2]


def test_baselines_by_position() -> None:
    returns = [np.array([1.0, 2.0, 9.0]), np.array([3.0, 6.0])]
    assert baseline_by_position(returns).tolist() == [2, 4, 4]
    weights = [np.array([3.0, 1.0, 1.0]), np.array([1.0, 3.0])]
    assert baseline_by_position(returns, weights).tolist() == [1.5, 5, 5]
