"""Environment arguments that change with the training step."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from envgym.env import Phase
from envgym.errors import UsageError
from envgym.rollout.runner import Rollout
from envgym.store.episodes import read_episodes
from envgym.store.manifest import read_env
from envgym.trainers.argument_schedule import Listed, Ramp
from envgym.trainers.env_section import EnvSection
from envgym.trainers.loop import Trainer
from envgym.trainers.recipe import load_config
from envgym.trainers.run import train
from tests.trainers.guidance.world import Game, Hinted, Vault
from tests.trainers.test_run import config, metrics, weights

SCHEDULED = (
    "env={id: search/wiki-v1, size: 60, top_k: 1, max_turns: 3, phrasings: 1, "
    "schedule: {hops: {kind: listed, values: {0: [1], 2: [2]}}}}"
)
QUICK = (SCHEDULED, "episodes_every=1", "learner.max_idle_steps=9", "learner.steps=4")


def test_zero_searchs_noise() -> None:
    """p_i = p_s + (b^(i/m) - 1) / (b - 1) (p_e - p_s), with b = 4: half way, (2 - 1) / 3."""
    noise = Ramp(kind="power", start=0.0, end=0.6, base=4, steps=200)
    assert [noise.value(i) for i in (0, 100, 200, 999, None)] == pytest.approx(
        [0.0, 0.2, 0.6, 0.6, 0.6]
    )
    assert noise.value(50) == pytest.approx((2**0.5 - 1) / 3 * 0.6)


def test_qwebs_prefill_fades() -> None:
    given_ = Ramp(kind="linear", start=0.8, end=0.0, steps=4)
    assert [given_.value(i) for i in range(6)] == pytest.approx([0.8, 0.6, 0.4, 0.2, 0.0, 0.0])


def test_a_value_may_stay_for_some_steps() -> None:
    slow = Ramp(kind="linear", start=0.0, end=1.0, steps=10, interval=4)
    assert [slow.value(i) for i in range(11)] == [0.0] * 4 + [0.4] * 4 + [0.8] * 2 + [1.0]


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0.1, 50), st.integers(1, 300))
def test_a_ramp_runs_from_start_to_end(start: float, end: float, base: float, steps: int) -> None:
    ramp = Ramp(kind="power", start=start, end=end, base=base, steps=steps)
    values = [ramp.value(i) for i in range(steps + 2)]
    assert (values[0], values[-1]) == (start, end)
    sign = 1 if end >= start else -1
    assert all(sign * (after - before) >= -1e-9 for before, after in pairwise(values))
    assert min(start, end) - 1e-9 <= min(values) <= max(values) <= max(start, end) + 1e-9


def test_a_power_of_one_is_linear() -> None:
    power, linear = (Ramp(kind=k, start=1, end=3, base=1, steps=8) for k in ("power", "linear"))
    assert [power.value(i) for i in range(9)] == [linear.value(i) for i in range(9)]


def test_listed_values() -> None:
    listed = Listed(kind="listed", values={0: "a", 3: "b"})
    assert [listed.value(i) for i in (0, 2, 3, 9, None)] == ["a", "a", "b", "b", "b"]


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        ("{hops: {kind: listed, values: {1: [1]}}}", "give one for 0"),
        ("{size: {kind: linear, start: 1, end: 2, steps: 5}}", "'size' has a value and a schedule"),
        ("{x: {kind: power, start: 1, end: 2, steps: 5, base: 0}}", "base"),
        ("{x: {kind: wave}}", "schedule"),
    ],
)
def test_schedules_that_do_not_fit_say_so(schedule: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        load_config("demo", [f"env.schedule={schedule}"])


def test_a_section_without_a_schedule_is_written_as_before() -> None:
    section = EnvSection.model_validate({"id": "a/b-v1", "size": 3})
    assert section.model_dump(mode="json") == {"id": "a/b-v1", "size": 3}
    assert section.arguments(7) == section.kwargs == {"size": 3}


async def test_a_pool_is_made_anew() -> None:
    class Other(Vault):
        pass

    rollout = Rollout(Vault)
    await rollout.run(Game.starts(0), Hinted())
    before = list(rollout._idle)
    await rollout.remake(Other)
    assert before
    assert {env._phase for env in before} == {Phase.CLOSED}
    await rollout.run(Game.starts(0), Hinted())
    assert {type(env) for env in rollout._idle} == {Other}
    await rollout.close()


async def test_a_scheduled_run_resumes_to_the_bit_and_replays(tmp_path: Path) -> None:
    await train(config(tmp_path, "whole", *QUICK))
    running = asyncio.create_task(train(config(tmp_path, "cut", *QUICK)))
    while not list((tmp_path / "cut").glob("checkpoints/step-000001")):
        await asyncio.sleep(0.01)
        assert not running.done()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await train(config(tmp_path, "cut", *QUICK), resume=True)
    assert metrics(tmp_path / "cut") == metrics(tmp_path / "whole")
    one, two = weights(tmp_path / "cut"), weights(tmp_path / "whole")
    assert all(torch.equal(one[name], two[name]) for name in two)
    folder = tmp_path / "whole" / "episodes"
    hops = {e.group.split(".")[0]: e.task.difficulty for e in read_episodes(folder / "train")}
    assert hops == {"0": 1, "1": 1, "2": 2, "3": 2}
    assert [read_env(folder / "train", step)[1]["hops"] for step in range(1, 5)] == [
        [1],
        [1],
        [2],
        [2],
    ]
    assert {e.task.difficulty for e in read_episodes(folder / "untrained")} == {2}
    program = str(Path(sys.executable).parent / "envgym")
    done = await asyncio.to_thread(
        subprocess.run, [program, "replay", tmp_path / "whole", "--json"], capture_output=True
    )
    report = json.loads(done.stdout)
    assert report["equal"] == report["episodes"] == 4 * 6 + 3 * 4
    assert done.returncode == 0


async def test_a_ramp_is_reported(tmp_path: Path) -> None:
    ramp = "env.schedule={format_reward: {kind: linear, start: 0.4, end: 0.0, steps: 2}}"
    more = ("evaluation.tasks=0", "learner.max_idle_steps=9")
    await train(config(tmp_path, "a", ramp, *more))
    assert [row["schedule/format_reward"] for row in metrics(tmp_path / "a")] == [0.4, 0.2, 0.0]


async def test_environments_are_made_anew_only_where_arguments_change(tmp_path: Path) -> None:
    trainer = Trainer(config(tmp_path, "a", *QUICK))
    try:
        seen = []
        for _ in range(4):
            await trainer.step()
            seen.append(trainer.env)
    finally:
        await trainer.close()
    assert seen[0] is seen[1]
    assert seen[1] is not seen[2]
    assert seen[2] is seen[3]
