"""Runs whose composer remembers: interrupted and gone on with, they end as if they had not been."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import torch

from envgym.trainers.run import train
from tests.trainers import test_bad_input
from tests.trainers.test_run import config, metrics, weights


@pytest.mark.parametrize(
    "composer",
    [
        "{name: replay, ratio: 1.0, max_staleness: 2, capacity: 8}",
        "{name: rorecomp, compensation: 0.9, decay_steps: 30, capacity: 5}",
    ],
)
async def test_an_interrupted_run_keeps_its_buffer(tmp_path: Path, composer: str) -> None:
    settings = (
        *test_bad_input.ALONE,
        "env.id=test/lengths-v1",
        "learner.steps=5",
        "warm_start={episodes: 0, steps: 0}",
        f"composer={composer}",
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
