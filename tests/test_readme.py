"""README's examples are run as a reader would run them."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from pathlib import Path

import gymnasium
import pytest
from gymnasium.utils.env_checker import check_env

import envgym.gymnasium_compat  # noqa: F401  (registers the ids)

README = Path(__file__).parent.parent / "README.md"
USE, BOXED, OWN = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_the_use_of_the_api_solves_its_task(tmp_path: Path) -> None:
    (tmp_path / "use.py").write_text(USE)
    done = run(tmp_path, sys.executable, "use.py")
    assert done.stdout.endswith("True 1.0 answered\n"), done.stderr


def test_the_box_runs_its_program(tmp_path: Path) -> None:
    start = BOXED.index("async with")
    body = textwrap.indent(BOXED[start:], "    ")
    code = f"{BOXED[:start]}import asyncio\nasync def main():\n{body}asyncio.run(main())\n"
    # A reader whose machine has no namespaces takes another backend; what is tested is the text.
    (tmp_path / "boxed.py").write_text(code.replace('"namespace"', '"unsafe"'))
    done = run(tmp_path, sys.executable, "boxed.py")
    assert done.returncode == 0, done.stderr


def test_the_own_environment_is_short_and_passes_the_checker(tmp_path: Path) -> None:
    assert len(OWN.splitlines()) < 60
    (tmp_path / "guess.py").write_text(OWN)
    envgym_program = str(Path(sys.executable).parent / "envgym")
    done = run(tmp_path, envgym_program, "check", "guess:GuessNumber")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.filterwarnings("error")
def test_the_gymnasium_id_passes_gymnasiums_checker() -> None:
    env = gymnasium.make("envgym/search.wiki-v1", size=100)
    check_env(env.unwrapped)
    env.close()
