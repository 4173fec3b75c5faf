"""Noise of a judge: a function of the episode, beside an exact score."""

from __future__ import annotations

import statistics
from dataclasses import replace

import pytest

from envgym.trainers.collection.samples import Group, Sample
from envgym.trainers.rewards import JudgeNoise
from tests.trainers.helpers import episode


def group(count: int, seed: int = 3) -> Group:
    one = episode([([1], [2, 3])], score=1.0, reward=1.0)
    made = [replace(one, id=f"g/{i}", seed=seed) for i in range(count)]
    return [Sample(e, e.trajectory) for e in made]


def noise(count: int, seed: int = 3, std: float = 0.5) -> list[float]:
    samples = group(count, seed)
    JudgeNoise(std=std)([samples])
    assert all(sample.episode.score == 1.0 for sample in samples)
    return [sample.reward for sample in samples]


def test_an_episodes_noise_is_its_own_and_comes_again() -> None:
    first = noise(8)
    assert len(set(first)) == 8
    assert noise(8) == first
    assert noise(8, seed=4) != first
    assert noise(8, std=1.0) == pytest.approx([2 * one for one in first])


def test_the_noise_has_the_deviation_it_says() -> None:
    found = noise(4000)
    assert statistics.fmean(found) == pytest.approx(0.0, abs=0.03)
    assert statistics.stdev(found) == pytest.approx(0.5, rel=0.05)
