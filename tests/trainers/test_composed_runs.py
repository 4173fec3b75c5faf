"""Whole runs with a batching plug-in: interrupted, they end as if they had not been."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import torch

from envgym.trainers.run import train
from tests.trainers import test_bad_input
from tests.trainers.test_run import config, metrics, weights


@pytest.mark.parametrize(
    "batching",
    [
        "{name: replay, ratio: 1.0, max_staleness: 2, capacity: 8}",
        "{name: delayed, steps: 1}",
        "{name: rorecomp, compensation: 0.9, decay_steps: 30, capacity: 5}",
    ],
)
async def test_an_interrupted_run_keeps_its_buffer(tmp_path: Path, batching: str) -> None:
    settings = (
        *test_bad_input.ALONE,
        "env.id=test/lengths-v1",
        "learner.steps=5",
        "learner.max_idle_steps=1",
        "warm_start={episodes: 0, steps: 0}",
        f"batching={batching}",
    )
    await train(config(tmp_path, "whole", *settings))
    running = asyncio.create_task(train(config(tmp_path, "cut", *settings)))
    while not list((tmp_path / "cut").glob("checkpoints/step-000003")):
        await asyncio.sleep(0.005)
        assert not running.done()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await train(config(tmp_path, "cut", *settings), resume=True)
    whole = metrics(tmp_path / "whole")
    assert metrics(tmp_path / "cut") == whole
    ages = [row["compose/staleness"] for row in whole]
    assert 0 < max(ages) <= 5  # versions go on from the checkpoint's, and do not begin anew
    one, two = weights(tmp_path / "cut"), weights(tmp_path / "whole")
    assert all(torch.equal(one[name], two[name]) for name in two)


async def test_dynamic_sampling_in_a_run(tmp_path: Path) -> None:
    await train(
        config(
            tmp_path,
            "a",
            *test_bad_input.ALONE,
            "env.id=test/lengths-v1",
            "rollout.dynamic_rounds=3",
        )
    )
    for row in metrics(tmp_path / "a"):
        assert row["group/equal"] == 0
        assert row["dynamic/filled"] == 1
        assert row["dynamic/kept"] * row["dynamic/played"] == pytest.approx(2)


async def test_the_learner_divides_by_the_budget(tmp_path: Path) -> None:
    """One episode crosses either budget; half the budget, twice the gradient."""
    settings = (*test_bad_input.ALONE, "env.id=test/lengths-v1", "learner.steps=1")
    for tokens in (1, 2):
        budget = f"batching={{name: c3po, tokens: {tokens}}}"
        await train(config(tmp_path, f"{tokens}", *settings, budget))
    (small,), (large,) = metrics(tmp_path / "1"), metrics(tmp_path / "2")
    assert small["compose/left_out"] == large["compose/left_out"] == 5
    assert small["learn/grad_norm"] == pytest.approx(2 * large["learn/grad_norm"], rel=1e-4)
    assert large["learn/grad_norm"] > 0


async def test_two_runs_of_one_config_share_no_memory(tmp_path: Path) -> None:
    settings = (*test_bad_input.ALONE, "env.id=test/lengths-v1", "learner.steps=2")
    made = config(tmp_path, "a", *settings, "batching={name: replay, ratio: 1.0}")
    await train(made)
    first = metrics(tmp_path / "a")
    assert first[1]["compose/replayed"] > 0
    await train(made, fresh=True)
    assert metrics(tmp_path / "a") == first
