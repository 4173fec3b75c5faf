from __future__ import annotations

from pathlib import Path

from envgym.agents.tiny import BASE
from envgym.store import read_episodes
from tests.examples.conftest import Run

GUESS = "own_environment:GuessNumber"


def test_the_oracle_solves_what_it_plays(run: Run, tmp_path: Path) -> None:
    lines = run("rollout.py", "oracle", "-n", "2", "--save", str(tmp_path)).splitlines()
    assert len(lines) == 2
    assert all("score 1.0" in line and "ended by answered" in line for line in lines)
    assert [episode.score for episode in read_episodes(tmp_path)] == [1.0, 1.0]


def test_a_local_model_plays(run: Run) -> None:
    options = ("--model", str(BASE), "--dialect", "tags", "--env", GUESS, "-n", "2")
    lines = run("rollout.py", "local", *options).splitlines()
    assert [line.split(",")[1] for line in lines] == [" 3 turns", " 3 turns"]


def test_a_model_behind_an_api_plays(run: Run, address: str) -> None:
    options = ("--base-url", address, "--model", "toy", "--env", GUESS, "-n", "3")
    lines = run("rollout.py", "api", *options).splitlines()
    assert len(lines) == 3
    assert all("score 1.0" in line for line in lines)


def test_a_person_plays(run: Run) -> None:
    """All seven numbers are typed; the turns run out or the number is hit, whichever is first."""
    typed = "".join(f"guess\n{number}\n" for number in (4, 2, 6))
    shown = run("rollout.py", "person", "--env", GUESS, "-n", "1", typed=typed)
    assert "Find the number between 1 and 7." in shown
    assert "Higher." in shown or "Lower." in shown or "Right." in shown
    assert "0/0: score" in shown.splitlines()[-1]
