"""`envgym play` by a pipe and at a real terminal."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from envgym.messages import hint
from envgym.stop_reason import StopReason
from envgym.store.episodes import read_episodes
from envgym.trajectory import Episode

PROGRAM = str(Path(sys.executable).parent / "envgym")
GAME = """
import asyncio
import sys
from envgym import Task, ToolEnv, tool

class Slow(ToolEnv):
    def tasks(self, split="train"):
        return [Task({"n": n}) for n in range(5)]

    async def start(self, task):
        return f"Task {task.data['n']}: wait, or say what you are told."

    @tool
    async def wait(self, seconds: float) -> str:
        \"\"\"Wait.\"\"\"
        print("WAITING", file=sys.stderr, flush=True)
        await asyncio.sleep(seconds)
        return "Say Grüße."

    @tool
    async def say_it(self, words: str) -> str:
        \"\"\"Say it.\"\"\"
        self.end(float(words == "Grüße"))
        return "Thanks."

    def hints(self, attempt=None):
        return ["It is a greeting."]
"""


@pytest.fixture
def game(tmp_path: Path) -> Path:
    (tmp_path / "slow.py").write_text(GAME)
    return tmp_path


def play(folder: Path, lines: str, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PROGRAM, "play", "slow:Slow", *options],
        cwd=folder,
        input=lines,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def saved(folder: Path) -> list[Episode]:
    return list(read_episodes(folder))


def test_a_game_by_pipe_is_saved_and_replays(game: Path) -> None:
    done = play(game, "hint\nwait\n0\nsay_it\nGrüße\n", "--index", "2")
    assert done.returncode == 0, done.stderr
    assert "answered · score 1.000 · reward 1 · turns 2 · saved in runs/play/slow-v0" in done.stdout
    assert "Thanks." in done.stdout
    [episode] = saved(game / "runs/play/slow-v0")
    assert (episode.score, episode.task.data["n"]) == (1.0, 2)
    assert episode.turns[0].messages[-1] == hint("It is a greeting.")
    again = subprocess.run(
        [PROGRAM, "replay", "runs/play", "--json"], cwd=game, capture_output=True, check=False
    )
    assert again.returncode == 0
    assert json.loads(again.stdout)["equal"] == 1


def test_several_episodes_until_one_is_left(game: Path) -> None:
    done = play(game, "2\nGrüße\n2\nno\n1\n0\nquit\n", "-n", "9", "--seed", "4", "--save", "mine")
    assert done.returncode == 0
    episodes = saved(game / "mine")
    assert [e.score for e in episodes] == [1.0, 0.0, 0.0]
    assert [e.seed for e in episodes] == [4, 5, 6]
    assert [e.stop_reason for e in episodes] == [
        StopReason.ANSWERED,
        StopReason.ANSWERED,
        StopReason.ABANDONED,
    ]


def test_the_end_of_the_input_loses_nothing(game: Path) -> None:
    done = play(game, "1\n0\n2\n")
    assert (done.returncode, done.stderr) == (0, "WAITING\n")
    [episode] = saved(game / "runs/play/slow-v0")
    assert (episode.stop_reason, len(episode.turns)) == (StopReason.ABANDONED, 1)


def test_other_arguments_get_a_folder_of_their_own(game: Path) -> None:
    for turns in ("3", "4", "3"):
        assert play(game, "quit\n", "-a", f"max_turns={turns}").returncode == 0
    assert len(saved(game / "runs/play/slow-v0")) == 2
    assert len(saved(game / "runs/play/slow-v0-2")) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [(["--index", "5"], "no task 5"), (["-a", "deep=1"], "takes no argument 'deep'")],
)
def test_mistakes_are_one_line(game: Path, options: list[str], message: str) -> None:
    done = play(game, "", *options)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


class Screen:
    """The program at a pseudo-terminal."""

    def __init__(self, folder: Path) -> None:
        self.text = ""
        leader, follower = pty.openpty()
        self._leader = leader
        self.process = subprocess.Popen(
            [PROGRAM, "play", "slow:Slow"],
            cwd=folder,
            stdin=follower,
            stdout=follower,
            stderr=follower,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # so that ^C reaches it
            env={**os.environ, "TERM": "xterm"},
        )
        os.close(follower)

    def until(self, text: str) -> None:
        """Read until something new is shown."""
        begin, deadline = len(self.text), time.monotonic() + 60
        while text not in self.text[begin:]:
            assert time.monotonic() < deadline, self.text
            if select.select([self._leader], [], [], 1)[0]:
                self.text += os.read(self._leader, 65536).decode(errors="replace")

    def type(self, keys: str) -> None:
        os.write(self._leader, keys.encode())

    def leaves(self) -> None:
        """Read on until the program has ended, well."""
        while True:
            assert select.select([self._leader], [], [], 60)[0], self.text
            try:
                data = os.read(self._leader, 65536)
            except OSError:  # the other side is closed
                break
            if not data:
                break
            self.text += data.decode(errors="replace")
        assert self.process.wait(60) == 0, self.text
        os.close(self._leader)
        assert "Traceback" not in self.text


def test_keys_of_a_terminal_edit_and_finish(game: Path) -> None:
    screen = Screen(game)
    screen.until("quit)>")
    screen.type("waitt\x7f\n")  # a backspace
    screen.until("seconds>")
    screen.type("0\n")
    screen.until("quit)>")
    screen.type("2\n")
    screen.until("words>")
    screen.type("rüße\x01G\n")  # back to the line's begin: readline is at work
    screen.leaves()
    assert [e.score for e in saved(game / "runs/play/slow-v0")] == [1.0]


@pytest.mark.parametrize("way", ["ctrl-c", "ctrl-d", "ctrl-c in a step"])
def test_ways_to_leave_a_terminal(game: Path, way: str) -> None:
    screen = Screen(game)
    screen.until("quit)>")
    screen.type("wait\n")
    screen.until("seconds>")
    screen.type("1\n")
    screen.until("WAITING")
    if way != "ctrl-c in a step":
        screen.until("quit)>")
    screen.type("\x04" if way == "ctrl-d" else "\x03")
    screen.leaves()
    [episode] = saved(game / "runs/play/slow-v0")
    assert (episode.stop_reason, len(episode.turns)) == (StopReason.ABANDONED, 1)
    assert episode.trajectory.final[0].content == "Say Grüße."
