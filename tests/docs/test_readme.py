"""README's code blocks are run as a reader would run them."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import gymnasium
import pytest
from gymnasium.utils.env_checker import check_env

import envgym.gymnasium_compat.sync_env  # noqa: F401  (registers the ids)
from tests.docs.pages import ROOT, Block, blocks, finished, run

BLOCKS = blocks(ROOT / "README.md")
PYTHON = [block for block in BLOCKS if block.language == "python"]

TINY_RUN = (
    "warm_start.episodes=20 warm_start.steps=2 rollout.tasks_per_step=2 rollout.group_size=2 "
    "learner.steps=1 learner.max_idle_steps=9 evaluation.tasks=4"
)
SMALL = {
    "envgym train demo": f"{TINY_RUN} warm_start.env={{}} warm_start.shares={{}}",
    "envgym train wiki": f"{TINY_RUN} model.copying.steps=2 model.vocab_size=400",
    "envgym check": "--episodes 2 --company 20",
    "envgym rollout": "-n 4",
    "envgym view": "--html page.html",
}
"""Arguments that make a command of README small, by what it begins with."""

NOT_RUN = {
    "make demo": "trains for ten minutes",
    "make test": "runs this test",
    "envgym bench": "installs peers and measures for minutes: tests/envgym/cli/test_bench.py",
    "envgym serve": "serves until it is stopped: tests/envgym/serve",
    "envgym rollout code/": "needs a sandbox of this machine: tests/environments/code",
    "make setup": "makes the environment that this test runs in",
    "pip install": "changes the environment that this test runs in",
    "git clone": "needs the network",
}
"""Why a command of README is not run here, by what it begins with."""

TYPED = {"envgym play": "quit\n"}
FAMILIES = ("Abel", "Birk", "Dahl", "Friis", "Holm", "Juul", "Krogh", "Lund", "Moss", "Rask")


def commands() -> list[str]:
    """Every line of README's shell blocks, comments and continued lines put away."""
    code = "\n".join(b.code for b in BLOCKS if b.language in ("sh", "bash") and not b.no_test)
    lines = (re.sub(r"\s#.*", "", line) for line in code.replace("\\\n", " ").splitlines())
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def _of(table: dict[str, str], command: str) -> str:
    """The entry whose key begins the command, the longest first."""
    keys = sorted((key for key in table if command.startswith(key)), key=len)
    return table[keys[-1]] if keys else ""


def test_every_block_is_run_or_says_why_not() -> None:
    kinds = {block.language for block in BLOCKS if not block.no_test}
    assert kinds <= {"python", "sh", "bash"}


def test_each_command_does_what_it_says(tmp_path: Path) -> None:
    names = [f"{first} {last}" for first in ("Ada", "Ben", "Cora") for last in FAMILIES]
    rows = [
        {"id": name, "title": name, "text": f"{name} (born {1900 + n}) is a Danish painter."}
        for n, name in enumerate(names)
    ]
    (tmp_path / "passages.jsonl").write_text("\n".join(map(json.dumps, rows)))
    ran = [command for command in commands() if not _of(NOT_RUN, command)]
    assert ran
    for command in ran:
        words = [*shlex.split(command), *shlex.split(_of(SMALL, command))]
        finished(words, tmp_path, _of(TYPED, command))


def test_the_use_of_the_api_solves_its_task(tmp_path: Path) -> None:
    assert run(PYTHON[0], tmp_path).endswith("True 1.0 answered\n")


def test_every_python_block_runs(tmp_path: Path) -> None:
    for block in PYTHON[1:]:
        # A reader whose machine has no namespaces takes another backend; the text is tested here.
        run(Block("python", block.code.replace('"namespace"', '"unsafe"')), tmp_path)


def test_the_own_environment_is_short_and_passes_the_checker(tmp_path: Path) -> None:
    [own] = [block for block in PYTHON if "class GuessNumber" in block.code]
    assert len(own.code.splitlines()) < 60
    (tmp_path / "guess.py").write_text(own.code)
    finished(["envgym", "check", "guess:GuessNumber", "--company", "20"], tmp_path)


@pytest.mark.filterwarnings("error")
def test_the_gymnasium_id_passes_gymnasiums_checker() -> None:
    env = gymnasium.make("envgym/search.wiki-v1", size=100)
    check_env(env.unwrapped)
    env.close()
