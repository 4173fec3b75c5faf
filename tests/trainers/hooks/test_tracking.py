"""Trackers get a run's metrics and config, and a resumed run goes on in the same one.

The packages are the real ones, offline: they send to files in the test's folder.
"""

from __future__ import annotations

import importlib.util
import json
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from envgym.errors import UsageError
from envgym.trainers.hooks import TrackingHook, Trackio, Wandb
from tests.machine import need
from tests.trainers.test_run import config, metrics

_BLOCK, _HEADER = 1 << 15, 7


def trained(folder: Path, *overrides: str) -> subprocess.CompletedProcess[str]:
    """`envgym train` of the smallest recipe, in a process of its own with trackers' folders."""
    config(folder, "a")  # writes the recipe
    program = "import sys; from envgym.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", program, "train", str(folder / "mini.yaml"), "--json"]
    home = {"WANDB_MODE": "offline", "TRACKIO_DIR": str(folder / "trackio"), "HOME": str(folder)}
    return subprocess.run(
        [*command, f"output={folder / 'a'}", "evaluation.tasks=0", *overrides],
        env={**os.environ, **home},
        capture_output=True,
        text=True,
        check=False,
    )


def wandb_records(path: Path) -> list[Any]:
    """Records of a .wandb file: framed as in LevelDB's log, behind a header of seven bytes."""
    from wandb.proto.wandb_internal_pb2 import Record

    data, place, whole, found = path.read_bytes(), _HEADER, b"", []
    while place + _HEADER <= len(data):
        if _BLOCK - place % _BLOCK < _HEADER:  # too little for a header: padding
            place += _BLOCK - place % _BLOCK
            continue
        size, kind = struct.unpack("<HB", data[place + 4 : place + _HEADER])
        whole += data[place + _HEADER : place + _HEADER + size]
        place += _HEADER + size
        if kind in (1, 4):  # the whole record, or its last part
            found.append(Record.FromString(whole))
            whole = b""
    return found


def rows_of(records: list[Any]) -> list[dict[str, float]]:
    """Each step's metrics."""
    return [
        {i.key or "/".join(i.nested_key): json.loads(i.value_json) for i in record.history.item}
        for record in records
        if record.WhichOneof("record_type") == "history"
    ]


def test_wandb_gets_a_run_and_its_resumption(tmp_path: Path) -> None:
    need(importlib.util.find_spec("wandb"), "not installed: wandb")
    first = trained(tmp_path, "hooks=[{name: wandb, project: mine}]", "learner.steps=2")
    assert first.returncode == 0, first.stderr
    assert json.loads(first.stdout)["steps"] == 2  # nothing else on standard output
    second = trained(
        tmp_path, "hooks=[{name: wandb, project: mine}]", "learner.steps=3", "--resume"
    )
    assert second.returncode == 0, second.stderr
    files = sorted((tmp_path / "a" / "wandb").glob("offline-run-*/run-*.wandb"))
    assert len(files) == 2
    records = [wandb_records(file) for file in files]
    runs = [r.run for part in records for r in part if r.WhichOneof("record_type") == "run"]
    own = (tmp_path / "a" / "wandb.id").read_text().strip()
    assert {(run.run_id, run.project, run.display_name) for run in runs} == {(own, "mine", "a")}
    settings = {item.key: json.loads(item.value_json) for item in runs[0].config.update}
    assert settings["env"]["id"] == "search/wiki-v1"
    rows = [row for part in records for row in rows_of(part)]
    wanted = metrics(tmp_path / "a")
    assert [row["step"] for row in rows] == [1, 2, 3]
    for row, line in zip(rows, wanted, strict=True):
        assert {name: row[name] for name in line} == pytest.approx(line)


def test_trackio_gets_a_run_and_its_resumption(tmp_path: Path) -> None:
    need(importlib.util.find_spec("trackio"), "not installed: trackio")
    for steps, more in ((2, ()), (3, ("--resume",))):
        done = trained(
            tmp_path, "hooks=[{name: trackio, project: mine}]", f"learner.steps={steps}", *more
        )
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["steps"] == steps
    read = (
        "import json; from trackio.sqlite_storage import SQLiteStorage as Storage\n"
        "(name,) = Storage.get_runs('mine')\n"
        "print(json.dumps([name, Storage.get_logs('mine', name), "
        "Storage.get_run_config('mine', name)]))"
    )
    told = subprocess.run(
        [sys.executable, "-c", read],
        env={**os.environ, "TRACKIO_DIR": str(tmp_path / "trackio")},
        capture_output=True,
        text=True,
        check=True,
    )
    name, rows, settings = json.loads(told.stdout)
    own = (tmp_path / "a" / "trackio.id").read_text().strip()
    assert name == f"a-{own}"
    assert settings["env"]["id"] == "search/wiki-v1"
    assert [row["step"] for row in rows] == [1, 2, 3]
    for row, line in zip(rows, metrics(tmp_path / "a"), strict=True):
        assert {key: row[key] for key in line} == pytest.approx(line)


@pytest.mark.parametrize("hook", [Wandb(), Trackio()])
def test_a_missing_package_is_one_line(
    hook: TrackingHook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, hook.package, None)
    wanted = rf"hook '{hook.name}' needs {hook.package}: pip install 'envgym\[{hook.package}\]'"
    with pytest.raises(UsageError, match=wanted):
        hook.begin(tmp_path, 0)
    hook.end()  # as a run that could not begin does
    assert list(tmp_path.iterdir()) == []


class Recorded(TrackingHook):
    """A tracker of the standard library's: it keeps the ids that it is opened with."""

    package = "json"

    def open(self, tracker: Any, directory: Path, run_id: str) -> str:
        print("a greeting")
        return run_id


def test_a_folder_keeps_its_id_and_another_has_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    ids = []
    for name in ("a", "b", "a"):
        hook = Recorded()
        hook.begin(tmp_path / name, 0)
        ids.append(hook._run)
    assert ids[0] == ids[2] != ids[1]
    assert capsys.readouterr() == ("", "a greeting\n" * 3)
