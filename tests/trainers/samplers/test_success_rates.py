"""Running and recorded success rates."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from envgym.errors import UsageError
from envgym.store.episodes import EpisodeWriter
from envgym.trainers.samplers.success_rates import (
    RunningRates,
    label_of,
    learning_curves,
    recorded_rates,
)
from tests.trainers.samplers.recorded import TASKS, episodes, played, record

KEYS = [task.key for task in TASKS]


def test_rates_move_by_their_weight_and_begin_at_the_first() -> None:
    rates = RunningRates()
    rates.observe(played({0: [0, 1], 1: [1, 1]}), "task", 0.25)
    assert rates.rates == {KEYS[0]: 0.5, KEYS[1]: 1.0}
    rates.observe(played({1: [0, 0]}), "task", 0.25)
    assert rates.rates == {KEYS[0]: 0.5, KEYS[1]: 0.75}


def test_a_round_counts_once_for_a_kind_of_tasks() -> None:
    rates = RunningRates()
    rates.observe(played({0: [1], 2: [0], 4: [0], 6: [0], 1: [1]}), "kind", 1.0)
    assert rates.rates == {"even": 0.25, "odd": 1.0}


def test_guided_episodes_never_count() -> None:
    rates = RunningRates()
    rates.observe(played({0: [1, 1]}, role="guided"), "task", 1.0)
    assert rates.rates == {}


def test_labels() -> None:
    assert label_of(TASKS[7], "task") == TASKS[7].key
    assert label_of(TASKS[7], "difficulty") == "1"
    assert label_of(TASKS[7], "kind") == "odd"
    with pytest.raises(UsageError, match=r"no field 'sort': set by to task, difficulty, .*kind, n"):
        label_of(TASKS[7], "sort")


def test_rates_of_a_run_are_read_without_tokens(tmp_path: Path) -> None:
    record(tmp_path, [{0: [0, 1]}, {1: [1, 1]}])
    EpisodeWriter(tmp_path / "episodes/train").write(episodes({2: [1]}, role="guided"), 3)
    for tokens in (tmp_path / "episodes/train").glob("tokens-*"):
        tokens.unlink()
    assert recorded_rates(str(tmp_path)) == {1: {KEYS[0]: 0.5}, 2: {KEYS[1]: 1.0}, 3: {}}


def test_any_folder_of_episodes_will_do(tmp_path: Path) -> None:
    EpisodeWriter(tmp_path).write(episodes({4: [0, 0, 1, 0]}), 0)
    assert recorded_rates(str(tmp_path)) == {0: {KEYS[4]: 0.25}}
    writer = EpisodeWriter(tmp_path / "cut")  # however a rollout is cut into files
    for shard, scores in enumerate(([0], [0, 0, 1])):
        writer.write([replace(e, id=f"{shard}/{e.id}") for e in episodes({4: scores})], shard)
    assert recorded_rates(str(tmp_path / "cut")) == {0: {KEYS[4]: 0.25}}
    with pytest.raises(UsageError, match=r"holds no episodes .* give the folder of a finished run"):
        recorded_rates(str(tmp_path / "none"))


def test_curves_have_a_value_an_epoch() -> None:
    rates = {1: {"a": 0.0, "b": 1.0}, 2: {"a": 1.0}, 3: {"b": 0.5}, 4: {}, 5: {"a": 1.0}}
    assert learning_curves(rates, 2) == {"a": [0.5, None, 1.0], "b": [1.0, 0.5, None]}
    assert learning_curves({1: {"a": 0.0}, 10: {"a": 1.0}})["a"] == [0.0, *[None] * 8, 1.0]
