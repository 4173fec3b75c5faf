from __future__ import annotations

import pytest

from envgym.trainers.collection.samples import Sample
from envgym.trainers.rewards import EnvironmentReward, Overlong
from tests.trainers.helpers import episode


@pytest.mark.parametrize(("tokens", "penalty"), [(6, 0.0), (8, 0.5), (10, 1.0), (20, 1.0)])
def test_punishment_grows_over_the_buffer(tokens: int, penalty: float) -> None:
    made = episode([([1] * 99, [2] * tokens)], reward=1.0)
    samples = [[Sample(made, made.trajectory)]]
    EnvironmentReward()(samples)
    Overlong(limit=10, buffer=4)(samples)
    assert samples[0][0].reward == pytest.approx(1.0 - penalty)
    assert made.score == 0.0  # shaping leaves the score alone
