from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

from envgym.task import Task
from envgym.trainers.advantages import (
    Brpo,
    DrIrl,
    Gdpo,
    MaxRl,
    Nsr,
    Psr,
    ReinforcePlusPlus,
    ReinforcePlusPlusBaseline,
    Rloo,
    TurnReturns,
    WReinforce,
)
from envgym.trainers.collection.samples import Group, Sample
from envgym.trainers.losses.base import token_weights
from envgym.trainers.recipe import load_config
from tests.trainers.helpers import episode


def one(reward: float, turns: int = 1, tokens: int = 1, **settings: Any) -> Sample:
    made = episode([([1], [2] * tokens)] * turns, **settings)
    return Sample(made, made.trajectory, reward=reward)


def group(*rewards: float) -> Group:
    return [one(r) for r in rewards]


def firsts(samples: Group) -> list[float]:
    return [float(s.advantages[0][0]) for s in samples]


def test_rloo_by_hand() -> None:
    samples = group(1, 0, 0, 0.6)
    Rloo()([samples])
    # 1 - 0.6/3; 0 - 1.6/3; 0 - 1.6/3; 0.6 - 1/3
    assert firsts(samples) == pytest.approx([0.8, -1.6 / 3, -1.6 / 3, 0.6 - 1 / 3])


def test_maxrl_by_hand() -> None:
    hard, easy, failed, below = group(1, 0, 0, 0), group(1, 1, 1, 0), group(0, 0), group(-1, 3)
    MaxRl()([hard, easy, failed, below])
    assert firsts(hard) == pytest.approx([3, -1, -1, -1])
    assert firsts(easy) == pytest.approx([1 / 3] * 3 + [-1])
    assert firsts(failed) == firsts(below) == [0, 0]


def test_reinforce_plus_plus_by_hand() -> None:
    won, lost = one(1.0, turns=2, tokens=2), one(0.0, tokens=2)
    ReinforcePlusPlus()([[won], [lost]])
    # Four tokens of 1 and two of 0: mean 2/3, unbiased deviation sqrt((4/9 + 8/9) / 5).
    deviation = math.sqrt((4 * (1 / 9) + 2 * (4 / 9)) / 5)
    assert [a.tolist() for a in won.advantages] == [pytest.approx([1 / 3 / deviation] * 2)] * 2
    assert lost.advantages[0] == pytest.approx([-2 / 3 / deviation] * 2)


def test_reinforce_plus_plus_discounts_action_tokens_and_charges_them() -> None:
    sample = one(0.0, turns=2)
    sample.add_reward("environment", 1.0)
    sample.add_reward_tokens("kl", [np.array([-0.1]), np.array([-0.2])])
    other = one(0.0)
    ReinforcePlusPlus(gamma=0.5)([[sample, other]])
    # Returns: -0.1 + 0.5 (1 - 0.2) = 0.3; 0.8; the other's 0.
    returns = np.array([0.3, 0.8, 0.0])
    wanted = (returns - returns.mean()) / returns.std(ddof=1)
    found = [float(a[0]) for a in [*sample.advantages, *other.advantages]]
    assert found == pytest.approx(wanted.tolist())


def test_reinforce_plus_plus_baseline_whitens_what_compares() -> None:
    mixed, equal, single = [one(1.0, tokens=3), one(0.0)], group(0.1, 0.1, 0.1), group(5.0)
    ReinforcePlusPlusBaseline()([mixed, equal, single])
    values = np.array([0.5, 0.5, 0.5, -0.5])
    wanted = (values - 0.25) / values.std(ddof=1)
    assert firsts(mixed) == pytest.approx([wanted[0], wanted[3]])
    assert firsts(equal) == [0, 0, 0]
    assert firsts(single) == [0]


def test_one_sided_methods_by_hand() -> None:
    for method, wanted in (
        (Psr(), [1.0, 0.0]),
        (Nsr(), [0.0, -1.0]),
        (WReinforce(), [0.1, -1.0]),
    ):
        # A right answer that shaping has charged is a success still, and no prize makes one.
        samples = [one(0.4, score=1.0), one(0.9, score=0.0)]
        method([samples])
        assert firsts(samples) == pytest.approx(wanted)
        assert [s.skip for s in samples] == [w == 0 for w in wanted]


def test_what_is_not_trained_on_leaves_the_denominator() -> None:
    samples = [one(1.0, tokens=9, score=1.0), one(0.0, tokens=2), one(0.0, tokens=3)]
    Nsr()([samples])
    assert token_weights(samples, "token", 1.0) == pytest.approx([0, 1 / 5, 1 / 5])
    assert token_weights(samples, "sequence", 1.0) == pytest.approx([0, 1 / 4, 1 / 6])
    assert token_weights(samples, "constant", 10.0) == pytest.approx([0, 1 / 20, 1 / 20])
    Psr()([group(0, 0)])
    assert token_weights([], "token", 1.0) == []


def test_brpo_compares_with_a_random_member() -> None:
    references = set()
    for seed in range(20):
        samples = group(1, 2, 3, 4)
        Brpo(seed=seed, skew=1.0)([samples])
        [reference] = [i for i, s in enumerate(samples) if s.skip]
        references.add(reference)
        assert firsts(samples) == [float(np.sign(i - reference)) for i in range(4)]
    assert references == {0, 1, 2, 3}


def test_brpo_drops_a_group_whose_reference_is_an_outlier() -> None:
    skewed = 0
    for seed in range(20):
        samples = group(1, 2, 3, 4)
        Brpo(seed=seed)([samples])
        if all(s.skip for s in samples):  # the least or the best: |±3| / 4 > 0.6
            skewed += 1
            assert firsts(samples) == [0] * 4
    assert 0 < skewed < 20


def prefers_the_first(first: Sample, second: Sample) -> bool:
    return True


def prefers_long(first: Sample, second: Sample) -> bool:
    return first.tokens > second.tokens


def test_a_judge_that_prefers_what_it_reads_first_decides_nothing() -> None:
    samples = group(1, 2, 3)
    Brpo(judge=prefers_the_first)([samples])
    assert firsts(samples) == [0, 0, 0]
    longer = [one(0.0, tokens=n) for n in (1, 2, 3)]
    Brpo(judge=prefers_long, skew=1.0)([longer])
    assert sorted(firsts(longer)) in ([-1, 0, 1], [0, 1, 1], [-1, -1, 0])


def test_a_judge_is_named_by_its_import_path() -> None:
    assert Brpo.model_validate({"judge": "math.isclose"}).judge is math.isclose
    with pytest.raises(ValueError, match="judge"):
        Brpo.model_validate({"judge": "no.such.place"})


def test_dr_irl_scales_after_the_division() -> None:
    def scored(difficulty: float, *scores: float) -> Group:
        samples = group(*scores)
        for sample, score in zip(samples, scores, strict=True):
            sample.episode.score = score
            sample.episode.task = Task({}, difficulty=difficulty)
        return samples

    def sigmoid(x: float) -> float:
        return 1 / (1 + math.exp(-x))

    first, second = scored(1.0, 1, 0), scored(3.0, 1, 0, 0, 0)
    method = DrIrl(eps=0.0, momentum=0.5)
    method([first, second])
    # Gaps 1/2 and 3/4, difficulties 1 and 3 of at most 3; the batch sets the means, 5/8 and 2.
    alpha = sigmoid(0.5) / sigmoid(0.625) * sigmoid(1 / 3) / sigmoid(2 / 3)
    assert firsts(first) == pytest.approx([alpha * 0.5**0.5, -alpha * 0.5**0.5])
    alpha = sigmoid(0.75) / sigmoid(0.625) * sigmoid(1) / sigmoid(2 / 3)
    assert firsts(second) == pytest.approx([1.5 * alpha, *[-0.5 * alpha] * 3])
    assert method.state() == {"means": {"t-v0": [0.625, 2.0]}, "largest": {"t-v0": 3.0}}
    resumed = DrIrl(eps=0.0, momentum=0.5)
    resumed.load(method.state())
    for one_method in (method, resumed):
        third = scored(4.0, 1, 0)
        one_method([third])
        alpha = sigmoid(0.5) / sigmoid(0.625) * sigmoid(1) / sigmoid(2 / 4)
        assert firsts(third)[0] == pytest.approx(alpha * 0.5**0.5)
        assert one_method.state() == {"means": {"t-v0": [0.5625, 3.0]}, "largest": {"t-v0": 4.0}}


def graded(difficulty: float, **data: str) -> Group:
    samples = group(1.0, 0.0)
    for sample in samples:
        sample.episode.task = Task(data, difficulty=difficulty)
    return samples


def test_dr_irl_tells_hard_tasks_apart_on_any_scale() -> None:
    """Lengths from 1 to 20 as well as grades from 0 to 1: the paper's distances."""
    lengths = [graded(d) for d in (1, 3, 5, 10, 20)]
    DrIrl(eps=0.0)(lengths)
    found = [firsts(samples)[0] / 0.5**0.5 for samples in lengths]
    assert all(b > a + 0.02 for a, b in itertools.pairwise(found))
    grades = [graded(d / 20) for d in (1, 3, 5, 10, 20)]
    DrIrl(eps=0.0)(grades)
    assert [firsts(samples)[0] / 0.5**0.5 for samples in grades] == pytest.approx(found)


def test_dr_irl_compares_within_a_tasks_own_category() -> None:
    apart = [graded(1.0, category="sums"), graded(20.0, category="proofs")]
    DrIrl(eps=0.0)(apart)
    assert [firsts(samples)[0] for samples in apart] == pytest.approx([0.5**0.5] * 2)
    method = DrIrl(eps=0.0)
    method(apart)
    assert set(method.state()["means"]) == {"sums", "proofs"}


def test_gdpo_tells_mixtures_apart_that_a_sum_does_not() -> None:
    def rewarded(right: float, form: float) -> Sample:
        sample = one(0.0)
        sample.add_reward("right", right)
        sample.add_reward("form", form)
        return sample

    samples = [rewarded(1, 0), rewarded(0, 1), rewarded(0, 1), rewarded(0, 1)]
    assert {s.reward for s in samples} == {1.0}  # GRPO would see equal rewards
    Gdpo(eps=0.0)([samples])
    # z of (1,0,0,0): (1.5, -.5, -.5, -.5); of (0,1,1,1): (-1.5, .5, .5, .5): they cancel
    assert firsts(samples) == [0, 0, 0, 0]
    Gdpo(eps=0.0, weights={"right": 2.0})([samples])
    sums = np.array([1.5, -0.5, -0.5, -0.5])
    assert firsts(samples) == pytest.approx((sums / sums.std(ddof=1)).tolist())


def test_gdpo_is_not_moved_by_a_constant_reward() -> None:
    samples = group(0, 0)
    for sample, right in zip(samples, (1.0, 0.0), strict=True):
        sample.add_reward("right", right)
        sample.add_reward("always", 0.1)
    Gdpo(eps=0.0)([samples])
    assert firsts(samples) == pytest.approx([0.5**0.5, -(0.5**0.5)])


def test_turn_returns_by_hand() -> None:
    first, second = one(0.0, turns=3), one(0.0, turns=2)
    first.add_reward_turns("environment", [0.0, 1.0, 4.0])
    second.add_reward_turns("environment", [2.0, 0.0])
    second.add_reward("score", 1.0)  # at the end
    TurnReturns(gamma=0.5)([[first, second]])
    # Returns: (1.5, 3, 4) and (2.5, 1). Means: 2, 2, and from there on the last of two.
    assert [float(a[0]) for a in first.advantages] == pytest.approx([-0.5, 1, 2])
    assert [float(a[0]) for a in second.advantages] == pytest.approx([0.5, -1])


@pytest.mark.parametrize("name", ["grpo", "rloo", "gigpo", "brpo"])
def test_groups_of_one_and_comparison_exclude_each_other(name: str) -> None:
    config = load_config("demo", [f"advantage={name}"])
    assert config.advantage.conflict(config) is None
    config.rollout.group_size = 1
    assert "group_size" in str(config.advantage.conflict(config))
    assert load_config("demo", ["advantage=reinforce++"]).advantage.conflict(config) is None


def test_equal_rewards_leave_no_rounding_for_credit() -> None:
    members = group(0.1, 0.1, 0.1)
    TurnReturns()([members])
    assert firsts(members) == [0.0, 0.0, 0.0]
