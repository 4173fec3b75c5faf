"""Fixed tasks and windows on success rates."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envgym.errors import UsageError
from envgym.trainers.loop import Trainer
from envgym.trainers.recipe import load_config
from envgym.trainers.run import train
from envgym.trainers.samplers import (
    Epochs,
    FixedTasks,
    PassRateWindow,
    SuccessBand,
    Uniform,
    most_varied,
)
from envgym.trainers.samplers.success_rates import Curve
from tests.trainers.samplers.recorded import SOURCE, TASKS, numbers, played, record
from tests.trainers.test_run import config

KEYS = [task.key for task in TASKS]


def test_one_task_fills_the_batch() -> None:
    assert numbers(FixedTasks(indexes=[3]).draw(SOURCE, 4, "0")) == [3] * 4
    assert numbers(FixedTasks(keys=[KEYS[2]]).draw(SOURCE, 2, "0", {KEYS[2]})) == [2, 2]


@given(st.sets(st.integers(0, 9), min_size=1), st.integers(1, 25))
def test_fixed_tasks_come_equally_often(indexes: set[int], count: int) -> None:
    drawn = numbers(FixedTasks(indexes=sorted(indexes)).draw(SOURCE, count, "0"))
    times = [drawn.count(n) for n in indexes]
    assert sum(times) == len(drawn) == count
    assert max(times) - min(times) <= 1


def test_keys_may_be_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_text(json.dumps([KEYS[1], KEYS[7]]))
    assert sorted(numbers(FixedTasks(keys=str(path)).draw(SOURCE, 2, "0"))) == [1, 7]
    path.write_text("{}")
    with pytest.raises(UsageError, match="must hold a JSON list of task keys"):
        FixedTasks(keys=str(path)).check_source(SOURCE)
    with pytest.raises(UsageError, match="cannot read the keys"):
        FixedTasks(keys=str(tmp_path / "none.json")).check_source(SOURCE)


def test_the_variance_of_success_selects() -> None:
    curves: dict[str, Curve] = {
        "steady": [0.5, 0.5, 0.5],
        "learnt": [0.0, None, 1.0],
        "slow": [0.0, 0.5, 0.5],
    }
    assert most_varied(curves, 2) == ["learnt", "slow"]
    assert most_varied({"b": [1.0], "a": [0.0]}, 1) == ["a"]


def test_one_shot_takes_the_task_of_a_run(tmp_path: Path) -> None:
    folder = record(tmp_path, [{0: [0], 1: [0, 1], 2: [0]}, {0: [0], 1: [1, 1], 2: [1]}])
    assert numbers(FixedTasks(run=str(folder)).draw(SOURCE, 2, "0")) == [2, 2]
    assert set(numbers(FixedTasks(run=str(folder), count=2).draw(SOURCE, 4, "0"))) == {1, 2}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("{name: fixed_tasks}", "say which tasks to draw: give indexes or keys, or else the run"),
        ("{name: fixed_tasks, indexes: [0], run: a}", "say which tasks"),
        ("{name: pass_rate_window, low: 0.9, high: 0.5}", "set low to 0.5 or less"),
        ("{name: success_band, low: 0.9, high: 0.5}", "set low to 0.5 or less"),
    ],
)
def test_settings_that_do_not_fit_say_so(settings: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        load_config("demo", [f"sampler={settings}"])


def test_an_index_beyond_the_pool_says_so() -> None:
    with pytest.raises(UsageError, match="index 4 is beyond the 4 tasks of the pool"):
        FixedTasks(indexes=[4], pool=4).check_source(SOURCE)


RECORDED = {0: [0] * 4, 1: [1, 0, 0, 0], 2: [1, 1, 0, 0], 3: [1, 1, 1, 0], 4: [1] * 4}


@pytest.mark.parametrize(
    ("settings", "kept"),
    [
        ({}, {1, 2, 3}),  # General-Reasoner: neither all nor none
        ({"low": 0.0}, {0, 1, 2, 3}),  # Golden Goose: not all
        ({"low": 0.0, "high": 0.375}, {0, 1}),  # AceReason: at most 6 of 16
        ({"low": 0.0, "high": 1.0, "hardest": 2}, {0, 1}),  # DRIVE
        ({"hardest": 1}, {1}),
        ({"pool": 2}, {1}),
    ],
)
def test_windows_on_a_recorded_rollout(
    tmp_path: Path, settings: dict[str, float], kept: set[int]
) -> None:
    sampler = PassRateWindow(run=str(record(tmp_path, [RECORDED])), **settings)
    assert set(numbers(sampler.draw(SOURCE, 20, "0"))) == kept
    other = PassRateWindow(run="moved", **settings)
    other.load(sampler.state())
    assert other.draw(SOURCE, 7, "3") == sampler.draw(SOURCE, 7, "3")


def test_running_rates_move_the_window() -> None:
    sampler = PassRateWindow(newest=1.0)
    assert set(numbers(sampler.draw(SOURCE, 10, "0"))) == set(range(10))  # nothing is known yet
    sampler.observe(played({3: [0, 1], 4: [1, 1], 5: [0, 0]}))
    assert set(numbers(sampler.draw(SOURCE, 4, "0"))) == {3}
    other = PassRateWindow(newest=1.0)
    other.load(sampler.state())
    for one in (sampler, other):
        one.observe(played({3: [1, 1], 4: [1, 0]}))
    assert other.draw(SOURCE, 4, "0") == sampler.draw(SOURCE, 4, "0")
    assert set(numbers(sampler.draw(SOURCE, 4, "0"))) == {4}


def test_a_listed_key_that_no_task_has_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no task of the pool has the key 'typo'"):
        FixedTasks(keys=[KEYS[1], "typo"]).check_source(SOURCE)
    path = tmp_path / "keys.json"
    path.write_text("[" * 100_000)
    with pytest.raises(UsageError, match="cannot read the keys"):
        FixedTasks(keys=str(path)).check_source(SOURCE)


def test_the_most_varied_task_is_one_of_the_pool(tmp_path: Path) -> None:
    run = record(tmp_path, [{8: [0], 1: [0, 1], 2: [0]}, {8: [1], 1: [1, 1], 2: [0]}])
    assert numbers(FixedTasks(run=str(run), pool=5).draw(SOURCE, 1, "0")) == [1]


def test_a_source_without_tasks_is_refused() -> None:
    for sampler in (Uniform(), Epochs(), FixedTasks(indexes=[0]), SuccessBand()):
        with pytest.raises(UsageError, match="no training tasks"):
            sampler.check_source([])


def test_a_recorded_line_that_is_no_episode_says_so(tmp_path: Path) -> None:
    (tmp_path / "episodes-000001.jsonl").write_text('{"a": 1}\n')
    with pytest.raises(UsageError, match="holds a line that is no episode"):
        PassRateWindow(run=str(tmp_path)).check_source(SOURCE)


async def test_a_resumed_run_needs_the_file_of_keys_no_more(tmp_path: Path) -> None:
    short = ("evaluation.tasks=0", "hooks=[]", "learner.max_idle_steps=9", "warm_start.steps=0")
    trainer = Trainer(config(tmp_path, "b", *short))
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps([task.key for task in trainer.source[:2]]))
    await trainer.close()
    chosen = (*short, f"sampler={{name: fixed_tasks, keys: {keys}}}")
    await train(config(tmp_path, "a", *chosen, "learner.steps=1"))
    keys.unlink()
    summary = await train(config(tmp_path, "a", *chosen, "learner.steps=2"), resume=True)
    assert summary["steps"] == 2
