"""The command: it lists, runs, judges, and says what is wrong in one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from envgym.cli import app
from envgym.errors import UsageError
from envgym.trainers.reproduce import load_reproduction, run
from tests.trainers.reproduce.test_run import MINI

runner = CliRunner()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mini.yaml").write_text(MINI)

    async def train(config: Any, *, resume: bool, warm: Path) -> dict[str, Any]:
        score = 0.5 if config.advantage.std == "none" else 0.25
        return {"steps": 1, "wall_s": 1.0, "eval": {"trained": {"score": score}}}

    monkeypatch.setattr(run, "train", train)
    return tmp_path


def called(*words: str) -> str:
    done = runner.invoke(app, ["reproduce", *words])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout


def test_a_verdict_and_its_files(folder: Path) -> None:
    result = json.loads(called("mini.yaml", "--seeds", "3", "--json"))
    assert (result["verdict"], result["seeds"]) == ("reproduced", [0, 1, 2])
    where = folder / "runs" / "reproduce" / "mini"
    assert {p.name for p in where.iterdir()} == {
        *("recipe.yaml", "result.json", "result.md", "plot.html"),
    }
    assert "reproduced" in called("mini.yaml", "--seeds", "2")


def test_fresh_removes_what_was_there(folder: Path) -> None:
    left = folder / "runs" / "reproduce" / "mini" / "old"
    left.mkdir(parents=True)
    called("mini.yaml", "--seeds", "2")
    assert left.exists()
    called("mini.yaml", "--seeds", "2", "--fresh")
    assert not left.exists()


def test_the_list_has_the_verdict_reached_here(folder: Path) -> None:
    rows = {r["name"]: r for r in json.loads(called("--list", "--json"))["reproductions"]}
    assert rows["lite_ppo"]["made"] != "here"
    where = folder / "runs" / "reproduce" / "lite_ppo"
    where.mkdir(parents=True)
    found = {"mean": -0.25, "low": -0.5, "high": 0.0}
    claim = {"metric": "score", "over": "curve", "verdict": "reversed"}
    result = {
        "verdict": "reversed",
        "seeds": [0, 1],
        "claims": [{**claim, "baseline": found, "method": found, "gain": found}],
        "spec": load_reproduction("lite_ppo")[1].fingerprint,
    }
    (where / "result.json").write_text(json.dumps(result))
    rows = {r["name"]: r for r in json.loads(called("--list", "--json"))["reproductions"]}
    row = rows["lite_ppo"]
    assert (row["verdict"], row["seeds"], row["made"]) == ("reversed", 2, "here")
    assert row["claims"][0]["gain"] == found
    assert "-0.250" in called("--list")
    (where / "result.json").write_text(json.dumps({**result, "spec": "of other settings"}))
    rows = {r["name"]: r for r in json.loads(called("--list", "--json"))["reproductions"]}
    assert rows["lite_ppo"]["made"] != "here"


def test_without_a_name(folder: Path) -> None:
    with pytest.raises(UsageError, match="--list"):
        called()
