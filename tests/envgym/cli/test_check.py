"""``envgym check`` as a person reads it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = str(Path(sys.executable).parent / "envgym")
BROKEN = """
import time
from envgym import Task, TaskSource, ToolEnv

class Broken(ToolEnv):
    def tasks(self, split="train"):
        return TaskSource.rows([Task({"n": [n, "[bold]"]}, split=split) for n in range(9)])

    async def start(self, task):
        return f"{time.time_ns()} [red]"
"""


def test_it_prints_each_check_its_failure_and_its_fix(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text(BROKEN)
    done = subprocess.run(
        [PROGRAM, "check", "broken:Broken", "--company", "8"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"COLUMNS": "300"},
    )
    assert done.returncode == 1, done.stderr
    lines = done.stdout.splitlines()
    assert "ok    tasks_are_json" in lines
    assert any(
        line.startswith("FAIL  same_seed_same_episode: seed 0 played twice") and "[red]" in line
        for line in lines
    ), done.stdout
    assert any(line.startswith("      fix: draw from self.rng only") for line in lines)
    assert "-     seeds_are_used: not run, it rests on same_seed_same_episode" in lines
