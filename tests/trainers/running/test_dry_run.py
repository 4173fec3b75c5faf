"""Dry runs: the plan of a run, what looks wrong, and nothing left behind."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from envgym.cli import app
from envgym.trainers.running.dry_run import dry_run
from tests.trainers.test_run import config


async def test_a_plan_counts_whole_steps_and_writes_nothing(tmp_path: Path) -> None:
    settings = config(tmp_path, "a")
    report = await dry_run(settings)
    assert report.plan["episodes a step"] == "6 (2 groups of 3)"
    tokens = int(report.plan["sampled tokens a step"].replace(",", ""))
    assert 2 * 3 * 1 <= tokens <= 2 * 3 * 3 * 8
    assert report.plan["reference"] == report.plan["weights"]  # of its kl loss
    assert not (tmp_path / "a").exists()
    assert settings.rollout.tasks_per_step == 2


async def test_a_plan_says_what_looks_wrong(tmp_path: Path) -> None:
    report = await dry_run(config(tmp_path, "a", "rollout.max_tokens_per_turn=2"))
    said = " ".join(report.warnings)
    assert "rewards of the group are equal" in said
    assert "a limit on tokens cut 100% of the episodes" in said
    assert "chat.dialect (tags)" in said
    assert "before the warm start" in said


def test_the_command_prints_it(tmp_path: Path) -> None:
    config(tmp_path, "a")
    path = str(tmp_path / "mini.yaml")
    told = CliRunner().invoke(app, ["train", path, f"output={tmp_path / 'a'}", "--dry-run"])
    assert told.exit_code == 0, told.output
    assert "episodes a step  6" in told.output
    assert not (tmp_path / "a").exists()
