from __future__ import annotations

import io
import re
import subprocess
import sys

import pytest
from rich.console import Console

from envgym.utils.progress import Progress


def lines(every_s: float, steps: int = 5) -> list[str]:
    file = io.StringIO()
    with Progress("a run", console=Console(file=file), every_s=every_s) as progress:
        on_step = progress.stage("learning", steps)
        for step in range(steps):
            on_step(step, score=0.5)
        progress.say("done")
    return file.getvalue().splitlines()


def test_where_there_is_no_terminal_lines_are_written_now_and_then() -> None:
    title, first, last, done = lines(every_s=1e9)
    assert (title, first, done) == ("a run", "learning: 0/5", "done")
    assert re.fullmatch(r"learning: 5/5 after \d+ s  score 0\.500", last)
    assert [line.partition(" after")[0] for line in lines(every_s=0)[2:-1]] == [
        f"learning: {n}/5" for n in range(1, 6)
    ]


def test_on_a_terminal_there_are_bars() -> None:
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=100)
    with Progress(console=console, every_s=0) as progress:
        on_step = progress.stage("learning", 2)
        on_step(0)
        on_step(1, score=0.5)
    assert "\x1b[" in file.getvalue()
    assert "2/2" in file.getvalue()
    assert "score 0.500" in file.getvalue()


def test_lines_are_there_at_once() -> None:
    """Also through a pipe that nobody flushes: the process dies without a farewell."""
    code = (
        "import os; from envgym.utils.progress import Progress\n"
        "with Progress(every_s=0) as p: p.stage('learning', 9)(0); os._exit(1)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[1].startswith("learning: 1/9 after ")


@pytest.mark.parametrize("command", ["rollout", "check"])
def test_commands_say_how_far_they_are(command: str) -> None:
    options = ["-n", "3"] if command == "rollout" else ["--company", "2"]
    code = "from envgym.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, command, "puzzles/strings-v1", "--json", *options],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    first, *_, last = done.stderr.splitlines()
    assert ": 0/" in first
    done_, total = last.partition(": ")[2].partition(" after")[0].split("/")
    assert done_ == total
    assert done.stdout.startswith("{")
