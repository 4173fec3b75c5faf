"""Killed without warning, a run goes on to the very end it would have come to; so with a full disk.

Each kill is a SIGKILL of a real process, at a moment drawn from the whole of its work: during
warm start, rollouts, updates, checkpoints and evaluations.
"""

from __future__ import annotations

import json
import os
import random
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from envgym.trainers.running.checkpoint import latest
from tests.trainers.test_run import RECIPE, metrics, weights

KILLS = 20 if os.environ.get("ENVGYM_REQUIRE_ALL") else 4
_TRAIN = "import sys; from envgym.cli import main; sys.argv[0] = 'envgym'; main()"


def command(recipe: Path, output: Path, *options: str) -> list[str]:
    return [sys.executable, "-c", _TRAIN, "train", str(recipe), f"output={output}", *options]


def recipe(folder: Path) -> Path:
    """A run long enough to be hit: a checkpoint and an evaluation every other step."""
    path = folder / "mini.yaml"
    text = RECIPE.replace("checkpoint_every: 1", "checkpoint_every: 2")
    text = text.replace("learner: {steps: 3,", "learner: {steps: 12,")
    path.write_text(text.replace("evaluation: {tasks: 4}", "evaluation: {tasks: 4, interval: 4}"))
    return path


def run_whole(arguments: list[str]) -> float:
    began = time.monotonic()
    subprocess.run(arguments, check=True, capture_output=True)
    return time.monotonic() - began


@pytest.mark.timeout(900)
def test_a_run_killed_again_and_again_ends_like_one_that_was_not(tmp_path: Path) -> None:
    path, rng = recipe(tmp_path), random.Random(0)
    seconds = run_whole(command(path, tmp_path / "whole"))
    for kill in range(KILLS):
        process = subprocess.Popen(
            command(path, tmp_path / "cut", *(["--resume"] if kill else [])),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        if kill == 0:  # in the midst of it, however fast the machine is by now
            while latest(tmp_path / "cut" / "checkpoints") is None:
                assert process.poll() is None
                time.sleep(0.01)
        else:
            time.sleep(rng.uniform(0.3, 1.0) * seconds)
        process.kill()
        assert process.wait() < 0 or kill > 0
    run_whole(command(path, tmp_path / "cut", "--resume"))
    assert metrics(tmp_path / "cut") == metrics(tmp_path / "whole")
    one, two = weights(tmp_path / "cut"), weights(tmp_path / "whole")
    assert all(torch.equal(one[name], two[name]) for name in two)
    evaluations = [
        json.loads((tmp_path / name / "summary.json").read_text())["eval"]
        for name in ("cut", "whole")
    ]
    assert evaluations[0] == evaluations[1]


@pytest.mark.timeout(600)
def test_a_full_disk_stops_the_run_with_the_last_good_checkpoint_intact(tmp_path: Path) -> None:
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-rm", "true"]).returncode:
        if os.environ.get("ENVGYM_REQUIRE_ALL"):
            pytest.fail("unshare -rm must work: a small disk is mounted in a namespace")
        pytest.skip("unshare -rm does not work here: no small disk can be mounted")
    path, disk, kept = recipe(tmp_path), tmp_path / "disk", tmp_path / "kept"
    disk.mkdir()
    # The mount lives as long as the shell: what the run left is copied out of it.
    script = f"""
        mount -t tmpfs -o size=1200k none {disk}
        {shlex.join(command(path, disk / "run", "checkpoint_every=1"))} 2>{tmp_path}/said
        echo $? >{tmp_path}/code
        cp -r {disk}/run {kept}
    """
    subprocess.run(["unshare", "-rm", "sh", "-c", script], check=True, timeout=120)
    assert (tmp_path / "code").read_text().strip() == "3"
    said = (tmp_path / "said").read_text().strip().splitlines()[-1]
    assert "disk is full" in said
    assert "--resume" in said
    good = latest(kept / "checkpoints")
    assert good is not None
    # With room again it goes on from there to the end of a run that never met the limit.
    other = recipe(tmp_path)
    shutil.copytree(kept, tmp_path / "roomy")
    config = tmp_path / "roomy" / "config.yaml"
    config.write_text(config.read_text().replace(str(disk / "run"), str(tmp_path / "roomy")))
    run_whole(command(other, tmp_path / "roomy", "checkpoint_every=1", "--resume"))
    run_whole(command(other, tmp_path / "whole", "checkpoint_every=1"))
    assert metrics(tmp_path / "roomy") == metrics(tmp_path / "whole")
