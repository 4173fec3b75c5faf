from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envgym.errors import UsageError
from envgym.store.episodes import EpisodeWriter
from envgym.view.page_data import FILE, LIVE, RunData, choose
from envgym.view.run_folder import Folder, Shard
from tests.envgym.view.runs import add_metrics, episode, metrics, run_folder


def shard(number: int, lines: int, size: int = 10, kind: str = "training") -> Shard:
    return Shard(f"s/{number}", "", kind, 1, Path(), [(0, size)] * lines)


@given(st.lists(st.integers(0, 50), max_size=12), st.integers(1, 80))
def test_the_list_keeps_its_bound_and_fills_it(sizes: list[int], limit: int) -> None:
    shards = [shard(i, n) for i, n in enumerate(sizes)]
    chosen = choose(shards, replace(FILE, episodes=limit))
    taken = sum(len(lines) for _, lines in chosen)
    assert taken <= limit
    if 8 * len(sizes) <= limit:
        assert taken >= min(sum(sizes), limit - len(sizes))


def test_equal_evaluations_give_the_same_lines_beside_small_ones() -> None:
    chosen = choose([shard(0, 256), shard(1, 3), shard(2, 256)], replace(FILE, episodes=43))
    lines = {one.key: numbers for one, numbers in chosen}
    assert lines["s/0"] == lines["s/2"]
    assert len(lines["s/0"]) == 20
    assert lines["s/1"] == [0, 1, 2]


def test_long_episodes_are_fewer() -> None:
    chosen = choose([shard(0, 100, size=FILE.bytes // 10)], FILE)
    assert len(chosen[0][1]) == 10


def test_of_more_shards_than_places_some_are_listed() -> None:
    chosen = choose([shard(i, 64) for i in range(1000)], replace(FILE, episodes=88))
    assert [one.key for one, _ in chosen] == [f"s/{i * 999 // 10}" for i in range(11)]
    assert {len(lines) for _, lines in chosen} == {8}


def test_evaluations_are_listed_before_training_steps() -> None:
    played = [shard(i, 64, kind="evaluation" if i % 100 == 0 else "training") for i in range(1001)]
    chosen = choose(played, replace(FILE, episodes=120))
    evaluated = [one.key for one, _ in chosen if one.kind == "evaluation"]
    assert (len(evaluated), len(chosen)) == (10, 15)
    assert (evaluated[0], evaluated[-1]) == ("s/0", "s/1000")


def test_a_run_of_huge_episodes_still_has_two_to_compare() -> None:
    played = [shard(i, 9, size=FILE.bytes // 2, kind="evaluation") for i in range(5)]
    chosen = choose(played, FILE)
    assert [(one.key, lines) for one, lines in chosen] == [("s/0", [8]), ("s/4", [8])]


def test_a_runs_overview(tmp_path: Path) -> None:
    data = RunData(Folder(run_folder(tmp_path / "run")), LIVE).overview()
    assert data["run"]["name"] == "toy"
    assert (data["run"]["done"], data["run"]["planned"]) == (5, 5)
    assert [(s["title"], s["step"], s["score"]) for s in data["sets"]] == [
        ("warm start", 0, 0.0),
        ("training step 1", 1, 1.0),
        ("trained", 5, 1.0),
    ]
    assert data["total"] == len(data["list"]) == 12
    first = {row["set"]: row["task_key"] for row in reversed(data["list"])}
    assert len(set(first.values())) == 1


def test_a_metric_that_is_no_number_or_not_there_is_null(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run", steps=2)
    add_metrics(folder, [{"step": 3, "score": float("nan"), "env/new": 1.23456789}])
    with (folder / "metrics.jsonl").open("a") as file:
        file.write('{"step": 4, "sc')  # being written
    found = RunData(Folder(folder), LIVE).overview()["metrics"]
    assert found["step"] == [1, 2, 3]
    assert found["score"] == [0.5, 1.0, None]
    assert found["env/new"] == [None, None, 1.23457]


def test_many_steps_are_thinned_and_counted(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run", steps=2)
    (folder / "metrics.jsonl").unlink()
    add_metrics(folder, metrics(5000))
    data = RunData(Folder(folder), LIVE).overview()
    assert (len(data["metrics"]["step"]), data["steps"]) == (1000, 5000)
    assert (data["metrics"]["step"][0], data["metrics"]["step"][-1]) == (1, 5000)


def test_an_episode_by_its_key(tmp_path: Path) -> None:
    run = RunData(Folder(run_folder(tmp_path / "run")), LIVE)
    assert run.episode("trained/0/2")["id"] == "e/2"
    for key in ("trained/0/99", "trained/0/-1", "../trained/0/0", "", "trained/0/x"):
        with pytest.raises(UsageError, match="no episode"):
            run.episode(key)


def test_a_replaced_shard_is_read_with_its_own_tokens(tmp_path: Path) -> None:
    writer = EpisodeWriter(tmp_path)
    writer.write([episode(0, said="a" * 9)], 0)
    run = RunData(Folder(tmp_path), LIVE)
    assert run.episode("0/0")["seats"][0]["turns"][0]["n"] == 9
    writer.write([episode(0, said="bb")], 0, overwrite=True)
    assert run.episode("0/0")["seats"][0]["turns"][0]["n"] == 2
