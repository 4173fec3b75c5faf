from __future__ import annotations

from pathlib import Path

import pytest

from envgym.errors import UsageError
from envgym.store.episodes import EpisodeWriter
from envgym.view.run_folder import Folder
from tests.envgym.view.runs import add, episode, run_folder


def test_a_runs_shards_stand_in_the_order_they_were_played(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run")
    add(folder, "untrained", [episode(0)])
    add(folder, "step_2", [episode(0)])
    add(folder, "train", [episode(0)], 2)
    add(folder, "train", [episode(0)], 10)
    assert [(s.key, s.step) for s in Folder(folder).shards()] == [
        ("untrained/0", 0),
        ("warm_start/0", 0),
        ("train/1", 1),
        ("train/2", 2),
        ("step_2/0", 2),
        ("train/10", 10),
        ("trained/0", None),
    ]


def test_figures_leave_faults_out_and_group_their_error(tmp_path: Path) -> None:
    played = [episode(i, score=float(i % 2)) for i in range(4)]
    EpisodeWriter(tmp_path).write([*played, episode(9, score=0.0, fault="infra: gone")])
    [shard] = Folder(tmp_path).shards()
    figures = shard.figures()
    assert (figures["score"], figures["tasks"], figures["faults"]) == (0.5, 4, 1)
    assert figures["stderr"] == pytest.approx((1 / 3) ** 0.5 / 2)
    assert figures["by_difficulty"] == {"1": 0.5}


def test_damaged_and_cut_lines_are_counted_and_the_others_read(tmp_path: Path) -> None:
    path = EpisodeWriter(tmp_path).write([episode(i) for i in range(3)])
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + b'{"oops": 1}\n' + lines[1] + lines[2][:50])
    [shard] = Folder(tmp_path).shards()
    assert (len(shard), shard.damaged) == (2, 2)
    assert [row["id"] for row in shard.rows([1, 0])] == ["e/1", "e/0"]


def test_only_what_changed_is_scanned_again(tmp_path: Path) -> None:
    folder = Folder(run_folder(tmp_path / "run"))
    before, stamp = folder.shards(), folder.stamp()
    assert [a is b for a, b in zip(before, folder.shards(), strict=True)] == [True] * 3
    assert folder.stamp() == stamp
    add(tmp_path / "run", "trained", [episode(0)])
    after = folder.shards()
    assert folder.stamp() != stamp
    assert [a is b for a, b in zip(before, after, strict=True)] == [True, True, False]
    assert len(after[-1]) == 1


def test_a_folder_without_anything_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no folder"):
        Folder(tmp_path / "none")
    with pytest.raises(UsageError, match="rollout --save"):
        Folder(tmp_path)
