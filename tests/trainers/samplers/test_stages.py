"""Curricula of stages, and curricula in the real loop."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
import torch

from envgym.errors import UsageError
from envgym.store.episodes import read_episodes
from envgym.trainers.recipe import load_config
from envgym.trainers.run import train
from envgym.trainers.samplers import Stages
from tests.trainers.samplers.recorded import SOURCE, numbers, played
from tests.trainers.test_run import config, metrics, weights

DRIVE = {
    "stages": [
        {"steps": 2},
        {
            "steps": 2,
            "sampler": {"name": "pass_rate_window", "low": 0, "hardest": 4},
            "group_size": 64,
        },
        {"sampler": {"name": "pass_rate_window", "low": 0, "hardest": 2}, "group_size": 64},
    ]
}
ACEREASON = {
    "stages": [
        {"steps": 1, "sampler": {"name": "fixed_tasks", "indexes": [0, 2, 4, 6]}},
        {
            "steps": 1,
            "sampler": {"name": "pass_rate_window", "low": 0, "high": 0.375, "pool": 5},
            "group_size": 16,
        },
        {"sampler": {"name": "fixed_tasks", "indexes": [1, 3]}, "group_size": 16},
    ]
}
SCORES = {n: [1.0] * n + [0.0] * (10 - n) for n in range(10)}


def test_drive_measures_all_tasks_then_plays_the_hardest_in_larger_groups() -> None:
    sampler = Stages.model_validate(DRIVE)
    drawn, sizes = [], []
    for step in range(6):
        drawn.append(set(numbers(sampler.draw(SOURCE, 10, str(step)))))
        sizes.append(sampler.group_size(8))
        sampler.observe(played({n: SCORES[n] for n in drawn[-1]}))
    everything, hard, hardest = set(range(10)), set(range(4)), set(range(2))
    assert drawn == [everything, everything, hard, hard, hardest, hardest]
    assert sizes == [8, 8, 64, 64, 64, 64]


def test_acereason_changes_the_kind_and_filters_harder() -> None:
    sampler = Stages.model_validate(ACEREASON)
    drawn = []
    for step in range(4):
        drawn.append(set(numbers(sampler.draw(SOURCE, 8, str(step)))))
        sampler.observe(played({n: SCORES[n] for n in drawn[-1]}))
    assert drawn == [{0, 2, 4, 6}, {0, 2}, {1, 3}, {1, 3}]


def test_refills_are_of_the_same_step() -> None:
    sampler = Stages.model_validate(DRIVE)
    for step in range(2):
        first = sampler.draw(SOURCE, 3, f"{step}:0")
        sampler.draw(SOURCE, 3, f"{step}:1", {task.key for task in first})
    assert sampler.group_size(8) == 8
    sampler.draw(SOURCE, 3, "2:0")
    assert sampler.group_size(8) == 64


def test_a_resumed_curriculum_is_in_the_same_stage() -> None:
    sampler, other = Stages.model_validate(DRIVE), Stages.model_validate(DRIVE)
    for step in range(3):
        tasks = sampler.draw(SOURCE, 10, str(step))
        sampler.observe(played({n: SCORES[n] for n in numbers(tasks)}))
    other.load(json.loads(json.dumps(sampler.state())))
    for step in range(3, 7):
        assert other.draw(SOURCE, 3, str(step)) == sampler.draw(SOURCE, 3, str(step))
        assert other.group_size(8) == sampler.group_size(8)


@pytest.mark.parametrize(
    ("stages", "words"),
    [
        ("[{}, {steps: 1}]", "stage 1 has no steps, and stage 2 never comes: set steps"),
        ("[{steps: 1, sampler: adaptive}]", "stage 1, sampler 'adaptive': .*dynamic_rounds"),
        ("[]", "stages"),
        ("[{sampler: unifrom}]", "Did you mean 'uniform'"),
    ],
)
def test_stages_that_do_not_fit_say_so(stages: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        load_config("demo", [f"sampler={{name: stages, stages: {stages}}}"])


def test_groups_of_one_teach_nothing_under_dynamic_sampling() -> None:
    with pytest.raises(UsageError, match="stage 1 has groups of one"):
        load_config(
            "demo",
            ["sampler={name: stages, stages: [{group_size: 1}]}", "rollout.dynamic_rounds=2"],
        )


BAND = "sampler={name: success_band, pool: 4, low: 0}"
STAGED = (
    "sampler={name: stages, stages: [{steps: 2, sampler: {name: epochs, pool: 4}}, "
    "{sampler: {name: pass_rate_window, low: 0, high: 1, hardest: 2}, group_size: 2}]}"
)


@pytest.mark.parametrize("sampler", [BAND, STAGED])
async def test_a_curriculum_resumes_to_the_bit(tmp_path: Path, sampler: str) -> None:
    quick = (sampler, "evaluation.tasks=0", "episodes_every=1", "learner.steps=4")
    await train(config(tmp_path, "whole", *quick))
    running = asyncio.create_task(train(config(tmp_path, "cut", *quick)))
    while not list((tmp_path / "cut").glob("checkpoints/step-000001")):
        await asyncio.sleep(0.01)
        assert not running.done()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await train(config(tmp_path, "cut", *quick), resume=True)
    assert metrics(tmp_path / "cut") == metrics(tmp_path / "whole")
    one, two = weights(tmp_path / "cut"), weights(tmp_path / "whole")
    assert all(torch.equal(one[name], two[name]) for name in two)
    if sampler == BAND:
        assert metrics(tmp_path / "whole")[-1]["sampler/known"] <= 4
    else:
        assert [r["sampler/stage"] for r in metrics(tmp_path / "whole")] == [1, 1, 2, 2]
        found = list(read_episodes(tmp_path / "whole" / "episodes" / "train"))
        by_step = [[e for e in found if e.group.startswith(f"{step}.")] for step in range(4)]
        assert [len(step) for step in by_step] == [6, 6, 4, 4]
        assert len({e.task.key for step in by_step[:2] for e in step}) == 4


async def test_limr_reads_a_finished_run(tmp_path: Path) -> None:
    quick = ("evaluation.tasks=0", "learner.steps=2", "learner.max_idle_steps=9")
    whole = config(tmp_path, "whole", "sampler={name: epochs, pool: 4}", "episodes_every=1", *quick)
    await train(whole)
    chosen = f"sampler={{name: limr, run: {tmp_path}/whole, epoch_steps: 2, min_score: -9}}"
    await train(config(tmp_path, "part", chosen, *quick))
    keys = {e.task.key for e in read_episodes(tmp_path / "whole" / "episodes" / "train")}
    for played_ in read_episodes(tmp_path / "part" / "episodes" / "train"):
        assert played_.task.key in keys
