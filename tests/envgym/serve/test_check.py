"""The checker passes over the wire, against the program as it is run."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys

import pytest

from envgym.agents.oracle import OracleAgent
from envgym.checker import CHECKS, check_id
from envgym.registry import make
from envgym.rollout.runner import Limits, Rollout, Start
from envgym.store.manifest import read_env, write_env
from tests.envgym.serve.running import PROGRAM, ROOT, program


@pytest.mark.parametrize(
    ("served", "name"),
    [("search/wiki-v1", "search/wiki-v1"), ("tests.envgym.worlds:Guess", "guess-v0")],
)
async def test_every_check_passes(served: str, name: str) -> None:
    with program(served) as (_, url):
        report = await check_id(f"{url}/{name}", episodes=2, company=60)
    assert report.ok, str(report)
    assert len(report.findings) == len(CHECKS)


async def test_two_hundred_episodes_of_the_oracle() -> None:
    with program("search/wiki-v1") as (_, url):
        id = f"{url}/search/wiki-v1"
        keep = make(id)
        source = keep.tasks("test")
        rollout = Rollout(lambda: make(id), Limits(concurrency=50))
        starts = [Start(seed, source[seed]) for seed in range(200)]
        result = await rollout.run(starts, OracleAgent())
        await rollout.close()
        await keep.close()
        assert not result.quarantined
        assert [e.score for e in result.episodes] == [1.0] * 200


def test_a_saved_rollout_is_replayed_over_the_wire(tmp_path: object) -> None:
    with program("tests.envgym.worlds:Guess") as (_, url):
        for command in (
            ["rollout", f"{url}/guess-v0", "-n", "5", "--save", f"{tmp_path}/saved", "--json"],
            ["replay", f"{tmp_path}/saved", "--json"],
        ):
            done = subprocess.run(
                [sys.executable, "-c", PROGRAM, *command],
                cwd=ROOT,
                capture_output=True,
                text=True,
                timeout=120,
            )
            assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["episodes"] == 5
        assert read_env(f"{tmp_path}/saved") == (f"{url}/guess-v0", {})
        env = make(f"{url}/guess-v0")
        write_env(f"{tmp_path}/saved", env.spec)  # the same one: not refused
        asyncio.run(env.close())
