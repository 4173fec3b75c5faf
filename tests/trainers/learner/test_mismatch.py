"""Mismatch of sampler and learner, by hand."""

from __future__ import annotations

import math

import pytest
import torch

from envgym.trainers.learner.mismatch import Mismatch
from envgym.trainers.losses import LossInputs
from envgym.trainers.running import metrics


def inputs(ratios: list[float], guided: list[bool] | None = None) -> LossInputs:
    count = len(ratios)
    return LossInputs(
        logp=torch.tensor(ratios).log() - 1,
        old_logp=torch.full((count,), -1.0),
        ref_logp=None,
        advantage=torch.zeros(count),
        sample=torch.zeros(count, dtype=torch.int64),
        guided=None if guided is None else torch.tensor(guided),
    )


def test_figures_by_hand_over_two_micro_batches() -> None:
    found = Mismatch()
    found.add(inputs([1.0, 1.5]))
    found.add(inputs([0.5, 100.0], guided=[False, True]))  # the hint is no mismatch
    assert found.metrics() == pytest.approx(
        {
            "sampler_gap": (math.log(1.5) + math.log(2)) / 3,
            "sampler_kl": (0.5 - math.log(1.5) - 0.5 + math.log(2)) / 3,
            "sampler_ratio_max": 2.0,  # 1 / 0.5
            "sampler_outside": 2 / 3,
        },
        rel=1e-5,
    )


def test_without_a_token_there_is_no_figure() -> None:
    found = Mismatch()
    found.add(inputs([3.0], guided=[True]))
    assert found.metrics() == {}


def test_a_ratio_out_of_all_bounds_stays_finite() -> None:
    found = Mismatch()
    found.add(inputs([1e-30]))
    assert all(math.isfinite(value) for value in found.metrics().values())


def test_a_step_reports_those_of_its_first_update() -> None:
    told = metrics.mean([{"loss": 1.0, "sampler_gap": 0.1, "sampler_kl": 0.2}, {"sampler_gap": 9}])
    assert told["learn/sampler_gap"] == 0.1
    assert told["learn/sampler_kl"] == 0.2
