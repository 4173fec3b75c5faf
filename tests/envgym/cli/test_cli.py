"""The program as a script meets it: output, exit codes, one-line errors."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROGRAM = str(Path(sys.executable).parent / "envgym")


def envgym(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [PROGRAM, *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def test_list_names_every_environment() -> None:
    rows = json.loads(envgym("list", "--json").stdout)["environments"]
    assert "search/wiki-v1" in [row["id"] for row in rows]


def test_list_loads_no_environment() -> None:
    code = (
        "import sys; from envgym.cli import main; sys.argv = ['envgym', 'list']\n"
        "try: main()\n"
        "except SystemExit: print(*sorted(sys.modules), file=sys.stderr)"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = dict(line.split("  ", 1) for line in done.stdout.splitlines())
    assert lines["search/wiki-v1"].strip() == "Multi-hop question answering with a search tool."
    loaded = {name.partition(".")[0] for name in done.stderr.split()}
    assert not loaded & {"numpy", "torch", "gymnasium", "aiohttp", "transformers"}
    assert "envgym.environments" not in done.stderr.split()


def test_oracle_rollout_reports_as_json_and_saves(tmp_path: Path) -> None:
    done = envgym(
        "rollout", "search/wiki-v1", "-n", "20", "--json", "--save", str(tmp_path / "out")
    )
    report = json.loads(done.stdout)
    assert report["id"] == "search/wiki-v1"
    assert (report["episodes"], report["mean_score"], report["faults"]) == (20, 1.0, 0)
    assert len((tmp_path / "out" / "episodes-000000.jsonl").read_text().splitlines()) == 20


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rollout", "search/wikki-v1"], "Did you mean 'search/wiki-v1'?"),
        (["rollout", "search/wiki-v1", "-a", "topk=1"], "Did you mean 'top_k'"),
        (["rollout", "search/wiki-v1", "-a", "corpus=none.json"], "no file 'none.json'"),
        (["rollout", "search/wiki-v1", "--agent", "oracel"], "Did you mean 'oracle'?"),
        (["rollout", "search/wiki-v1", "--agent", "local"], "needs --model"),
        (["rollout", "search/wiki-v1", "--agent", "local", "--model", "."], "no model in '.'"),
        (["train", "dmo"], "no recipe 'dmo'"),
        (["train", "demo", "learner.lr=high"], "learner.lr"),
        (["eval", "."], "holds no finished run"),
    ],
)
def test_mistakes_are_one_line_and_code_2(
    tmp_path: Path, arguments: list[str], message: str
) -> None:
    done = envgym(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_malformed_corpus_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl").write_text('{"title": "A", "text": "b"}\n{"title": \n')
    done = envgym("rollout", "search/wiki-v1", "-a", "corpus=bad.jsonl", cwd=tmp_path)
    assert done.returncode == 2
    assert "bad.jsonl line 2" in done.stderr


def test_a_broken_environment_fails_its_check_with_code_1(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text(
        "from envgym import Task, TaskSource, ToolEnv\n"
        "class Broken(ToolEnv):\n"
        "    def tasks(self, split='train'):\n"
        "        return TaskSource.rows([Task({'a': 1}, {'gold': 'secret'}, split)])\n"
        "    async def start(self, task):\n"
        "        return 'psst: secret'\n"
    )
    done = envgym("check", "broken:Broken", "--json", cwd=tmp_path)
    assert done.returncode == 1
    failed = {f["check"] for f in json.loads(done.stdout)["findings"] if not f["ok"]}
    assert "hidden_stays_hidden" in failed


def test_verbose_shows_the_traceback() -> None:
    assert "Traceback" in envgym("rollout", "search/none-v1", "-v").stderr


def test_ctrl_c_ends_a_training_cleanly(tmp_path: Path) -> None:
    command = [PROGRAM, "train", "demo", f"output={tmp_path / 'run'}"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    while not (tmp_path / "run" / "config.yaml").exists():
        assert process.poll() is None
        time.sleep(0.05)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in errors
