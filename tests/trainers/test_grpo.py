from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envgym.trainers.advantages import Grpo
from envgym.trainers.collection.samples import Sample
from tests.trainers.helpers import episode


def group(*rewards: float) -> list[Sample]:
    samples = [Sample(e, e.trajectory) for e in (episode([([1], [2, 3])]) for _ in rewards)]
    for sample, reward in zip(samples, rewards, strict=True):
        sample.reward = reward
    return samples


def firsts(samples: list[Sample]) -> list[float]:
    return [float(s.advantages[0][0]) for s in samples]


def test_group_std_by_hand() -> None:
    samples = group(1, 0, 0, 0)
    Grpo(eps=0.0)([samples])
    # mean 1/4, unbiased std 1/2: (3/4, -1/4, -1/4, -1/4) / (1/2)
    assert firsts(samples) == pytest.approx([1.5, -0.5, -0.5, -0.5])


def test_no_std_is_dr_grpo() -> None:
    samples = group(1, 0, 0, 0)
    Grpo(std="none")([samples])
    assert firsts(samples) == pytest.approx([0.75, -0.25, -0.25, -0.25])


def test_batch_std_by_hand() -> None:
    one, two = group(1, 0), group(1, 1)
    Grpo(std="batch", eps=0.0)([one, two])
    deviation = np.std([1, 0, 1, 1], ddof=1)
    assert firsts(one) == pytest.approx([0.5 / deviation, -0.5 / deviation])
    assert firsts(two) == [0.0, 0.0]


@pytest.mark.parametrize("std", ["group", "batch", "none"])
def test_group_of_one_has_no_advantage(std: str) -> None:
    samples = group(1.0)
    Grpo(std=std)([samples])
    assert firsts(samples) == [0.0]


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=8))
def test_advantages_of_a_group_sum_to_zero(rewards: list[float]) -> None:
    samples = group(*rewards)
    Grpo()([samples])
    assert sum(firsts(samples)) == pytest.approx(0.0, abs=1e-3)
    assert all(np.isfinite(firsts(samples)))
