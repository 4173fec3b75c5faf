"""`envgym replay` as a script meets it: equal, different, damaged, absent."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAM = str(Path(sys.executable).parent / "envgym")


def envgym(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [PROGRAM, *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def rolled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved rollout of an agent that makes every kind of mistake, in a world of its own."""
    folder = tmp_path_factory.mktemp("rolled")
    settings = ["-a", "size=60", "-a", "hops=[1, 2]", "-a", "max_turns=3", "-n", "40"]
    done = envgym(
        "rollout", "search/wiki-v1", "--agent", "random", *settings, "--save", "out", cwd=folder
    )
    assert done.returncode == 0, done.stderr
    return folder / "out"


def copy(rolled: Path, tmp_path: Path) -> Path:
    for file in rolled.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


def replayed(folder: Path) -> tuple[int, dict[str, Any]]:
    done = envgym("replay", folder, "--json", cwd=folder)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def test_a_saved_rollout_replays_equal(rolled: Path) -> None:
    code, report = replayed(rolled)
    assert (code, report["episodes"], report["equal"]) == (0, 40, 40)
    assert (report["quarantined"], report["differences"]) == (0, [])


def test_another_environment_is_not_saved_beside_it(rolled: Path) -> None:
    done = envgym("rollout", "search/wiki-v1", "-n", "1", "--save", rolled, cwd=rolled)
    assert done.returncode == 2
    assert "give another folder" in done.stderr


def test_a_cut_shard_gives_everything_before_the_cut(rolled: Path, tmp_path: Path) -> None:
    folder = copy(rolled, tmp_path)
    shard = folder / "episodes-000000.jsonl"
    whole = shard.read_bytes()
    shard.write_bytes(whole[: len(whole) * 2 // 3])
    lines = shard.read_bytes().count(b"\n")
    code, report = replayed(folder)
    assert 10 < lines < 40
    assert (code, report["equal"]) == (0, lines)


def test_differences_are_shown_and_faulty_episodes_left_out(rolled: Path, tmp_path: Path) -> None:
    folder = copy(rolled, tmp_path)
    shard = folder / "episodes-000000.jsonl"
    rows = [json.loads(line) for line in shard.read_text().splitlines()]
    rows[0]["fault"] = "infra: gone"
    rows[3]["score"] = 0.75
    first = rows[5]["trajectories"]["agent"]["turns"][0]
    first["messages"][-1]["content"] += " And why?\x1b[31m"
    shard.write_text("".join(json.dumps(row) + "\n" for row in rows))
    code, report = replayed(folder)
    assert (code, report["episodes"], report["equal"], report["quarantined"]) == (1, 39, 37, 1)
    score, sight = report["differences"]
    assert (score["episode"], score["what"], score["recorded"]) == ("3/0", "score", 0.75)
    assert (sight["what"], sight["turn"], sight["seat"]) == ("observation", 0, "agent")
    done = envgym("replay", folder, cwd=folder)
    assert done.returncode == 1
    assert "And" in done.stdout
    assert "\x1b[31m" not in done.stdout  # what was recorded cannot act on the terminal
    assert "Traceback" not in done.stderr


def test_another_world_shows(rolled: Path, tmp_path: Path) -> None:
    folder = copy(rolled, tmp_path)
    told = json.loads((folder / "env.json").read_text())
    told["kwargs"]["page_chars"] = 10
    (folder / "env.json").write_text(json.dumps(told))
    code, report = replayed(folder)
    assert code == 1
    assert {d["what"] for d in report["differences"]} <= {"observation", "final"}


def test_an_environment_of_ones_own_folder(tmp_path: Path) -> None:
    (tmp_path / "coin.py").write_text(
        "from envgym import Env, Task\n"
        "class Coin(Env):\n"
        "    def tasks(self, split='train'):\n"
        "        return [Task({'n': 1})]\n"
        "    async def start(self, task):\n"
        "        return f'{self.rng.random()}: heads or tails?'\n"
        "    async def act(self, action):\n"
        "        self.end(float(self.rng.random() < 0.5))\n"
        "        return action.text\n"
    )
    for command in (["rollout", "coin:Coin", "--agent", "random", "--save", "out"],):
        assert envgym(*command, cwd=tmp_path).returncode == 0
    done = envgym("replay", "out", "--json", cwd=tmp_path)
    report = json.loads(done.stdout)
    assert (done.returncode, report["equal"]) == (0, 100)


@pytest.mark.parametrize("folder", ["none", "."])
def test_no_run_is_a_usage_error(tmp_path: Path, folder: str) -> None:
    done = envgym("replay", folder, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "holds no episodes" in done.stderr


def test_a_training_runs_episodes_replay_equal(tmp_path: Path) -> None:
    """Sampled by a model, tokens and all: evaluations and training steps, by the run's config."""
    (tmp_path / "mini.yaml").write_text(
        "name: mini\n"
        "torch_threads: 1\n"
        "env: {id: search/wiki-v1, size: 60, hops: [1], top_k: 1, max_turns: 3, phrasings: 1}\n"
        "model: {kind: pretrained}\n"
        "chat: {dialect: tags, instructions: false}\n"
        "rollout: {tasks_per_step: 2, group_size: 3, max_tokens_per_turn: 8}\n"
        "warm_start: {episodes: 12, steps: 8, batch_size: 12, lr: 3.0e-3}\n"
        "learner: {steps: 1, lr: 1.0e-3, max_idle_steps: 1}\n"
        "evaluation: {tasks: 8}\n"
    )
    done = envgym("train", "mini.yaml", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    code, report = replayed(tmp_path / "runs" / "mini")
    assert (code, report["differences"]) == (0, [])
    assert report["equal"] == 3 * 8 + 2 * 3
    code, report = replayed(tmp_path / "runs" / "mini" / "episodes" / "trained")
    assert (code, report["equal"]) == (0, 8)
