"""A few hundred runs of the soak, the zygote killed among them; and what its judge would say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.sandbox import soak  # noqa: E402


@pytest.mark.parametrize(("backend", "runs"), [("namespace", 300), ("unsafe", 60)])
def test_nothing_is_left(backend: str, runs: int) -> None:
    command = [sys.executable, "-m", "benchmarks.sandbox.soak"]
    done = subprocess.run(
        [*command, "--runs", f"{runs}", "--backend", backend],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode in (0, 1), done.stderr
    result = json.loads(done.stdout)
    assert result["wrong"] == []
    assert sum(count for ends in result["outcomes"].values() for count in ends.values()) == runs
    assert result["killed"] == (backend == "namespace")


def test_the_mix_is_what_it_says() -> None:
    counts = Counter(soak.kind(number) for number in range(3000))
    assert counts["sleeps"] + counts["spins"] == 1000
    assert (counts["hoards"], counts["daemonises"]) == (300, 300)


USED = {"memory_mib": 40.0, "memory_below_mib": 20.0, "descriptors": 9, "descriptors_below": 12}
GOOD = {
    "outcomes": {"fine": {"OK": 5}, "hoards": {"MLE": 1}},
    "killed": True,
    "faults": 3,
    "orphans": 0,
    "daemons": 0,
    "groups": 0,
    "descriptors_left": 0,
    "early": {**USED},
    "late": {**USED, "memory_mib": 41.0},
}


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("outcomes", {"hoards": {"OK": 2}}, "2 runs that 'hoards' ended OK"),
        ("orphans", 1, "1 orphans are left"),
        ("daemons", 2, "2 daemons are left"),
        ("groups", 3, "3 groups are left"),
        ("descriptors_left", 4, "4 descriptors are left"),
        ("late", {**USED, "memory_mib": 90.0}, "memory_mib grew"),
        ("late", {**USED, "memory_below_mib": 90.0}, "memory_below_mib grew"),
        ("late", {**USED, "descriptors": 99}, "descriptors grew"),
        ("late", {**USED, "descriptors_below": 99}, "descriptors_below grew"),
        ("faults", 0, "the kill was not felt"),
    ],
)
def test_the_judge_sees_what_is_wrong(key: str, value: Any, said: str) -> None:
    assert soak.judge(GOOD) == []
    (wrong,) = soak.judge({**GOOD, key: value})
    assert wrong.startswith(said)


def test_a_daemon_that_lives_is_counted() -> None:
    sleeper = subprocess.Popen(["sleep", soak.TOKEN])
    try:
        assert soak.daemons() == 1
        assert sleeper.pid in soak.descendants(depth_one=True)
    finally:
        sleeper.kill()
        sleeper.wait()
    assert soak.daemons() == 0
    assert soak.descriptors(os.getpid()) > 2
