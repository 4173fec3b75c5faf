"""``envgym eval`` against a server: figures, a budget, a kill in the middle, and going on."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from envgym.store import read_episodes
from tests.envgym.cli.test_cli import PROGRAM, envgym


class Server(ThreadingHTTPServer):
    """A chat endpoint whose model takes the first key it sees; it fails where it is told to.

    Attributes:
        asked: Number of requests answered.
        pause_s: Seconds before an answer.
        down: Whether every request fails.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked, self.pause_s, self.down = 0, 0.0, False

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        time.sleep(self.server.pause_s)
        seen = body["messages"][-1]["content"]
        name, arguments = "open", "{}"
        if "Keys: " in seen and "You hold nothing" in seen:
            key = seen.partition("Keys: ")[2].partition(",")[0]
            name, arguments = "take", json.dumps({"key": key})
        elif "draught comes from the " in seen:
            way = seen.partition("draught comes from the ")[2].partition(".")[0]
            name, arguments = "go", json.dumps({"way": way})
        call = {"id": "c", "type": "function", "function": {"name": name, "arguments": arguments}}
        message = {"role": "assistant", "content": None, "tool_calls": [call]}
        usage = {"prompt_tokens": 100, "completion_tokens": 10}
        text = json.dumps({"choices": [{"message": message}], "usage": usage}).encode()
        self.send_response(400 if self.server.down else 200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
        self.server.asked += 1

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def arguments(server: Server, *more: str) -> list[str]:
    return [
        *("eval", "puzzles/key-door-v1", "--agent", "openai", "--model", "toy"),
        *("--base-url", server.address, "-a", "keys=2", "--tasks", "12", "--samples", "2"),
        *("--input-price", "1000", "--output-price", "10000", *more),
    ]


def test_figures_of_a_served_model(server: Server, tmp_path: Path) -> None:
    done = envgym(*arguments(server, "--save", str(tmp_path / "out"), "--json"))
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    scores = told["scores"]
    assert (scores["tasks"], scores["episodes"], scores["planned"]) == (12, 24, 24)
    assert 0 < scores["success"]["low"] < scores["score"] < scores["success"]["high"] < 1
    assert scores["pass_at"]["1"] == scores["pass_at"]["2"] == scores["score"]  # it never differs
    assert scores["usage"] == {
        "input_tokens": 100.0 * server.asked,
        "output_tokens": 10.0 * server.asked,
        "cost": pytest.approx(0.2 * server.asked),
    }
    assert scores["tokens"] == pytest.approx(10 * scores["turns"])
    assert told["spent"]["requests"] == server.asked
    assert json.loads((tmp_path / "out" / "evaluation.json").read_text()) == {
        "plan": told["plan"],
        "scores": scores,
    }
    replayed = envgym("replay", str(tmp_path / "out"), "--json")
    assert json.loads(replayed.stdout)["equal"] == 24


def test_a_table_for_people(server: Server) -> None:
    done = envgym(*arguments(server))
    lines = dict(line.split("  ", 1) for line in map(str.strip, done.stdout.splitlines()))
    assert lines["score"].endswith("(95 %, t over 12 tasks)")
    assert "Wilson" in lines["success"]
    assert lines["pass@2"].endswith("(of 12 tasks)")
    assert lines["episodes"] == "24 of 24; left out: none"
    assert lines["faults"].startswith("0 (infra rate 0.0%")
    assert "cost" in lines


def test_a_killed_evaluation_goes_on(server: Server, tmp_path: Path) -> None:
    """Killed after some episodes were stored: those are not asked for again."""
    folder = tmp_path / "out"
    command = arguments(server, "--save", str(folder), "--concurrency", "1", "--json")
    server.pause_s = 0.05
    running = subprocess.Popen([PROGRAM, *command], stderr=subprocess.PIPE)
    wanted = 6 * 3  # requests: three whole episodes of six turns
    while server.asked < wanted:
        time.sleep(0.01)
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=60)
    stored = len(list(read_episodes(folder)))
    assert 2 <= stored < 24
    assert envgym(*command).stderr.strip().endswith("go on with --resume")
    server.pause_s, before = 0.0, server.asked
    done = envgym(*command, "--resume")
    assert done.returncode == 0, done.stderr
    scores: dict[str, Any] = json.loads(done.stdout)["scores"]
    assert (scores["episodes"], scores["left_out"]) == (24, {})
    assert server.asked - before == 6 * (24 - stored)


def test_a_budget_holds_over_a_resume(server: Server, tmp_path: Path) -> None:
    """An episode costs 1.2; a request may cost its bytes of prompt and 10 tokens."""
    folder = tmp_path / "out"
    more = ("--save", str(folder), "--concurrency", "1", "--max-tokens", "10", "--json")
    first = envgym(*arguments(server, *more, "--budget", "6"))
    assert first.returncode == 3
    assert "the budget of 6 has no room" in first.stderr
    scores = json.loads(first.stdout)["scores"]
    assert scores["left_out"]["budget"] == 1
    assert scores["left_out"]["not played"] == 24 - 1 - scores["episodes"]
    asked = server.asked
    second = envgym(*arguments(server, *more, "--budget", "6", "--resume"))
    assert second.returncode == 3
    assert server.asked - asked <= 6  # what the first left of the 6
    third = envgym(*arguments(server, *more, "--budget", "3", "--resume"))
    assert "is spent: stored episodes cost" in third.stderr


def test_a_server_that_refuses_is_no_score(server: Server) -> None:
    server.down = True
    done = envgym(*arguments(server, "--tasks", "4", "--samples", "1", "--json"))
    assert done.returncode == 0, done.stderr
    scores = json.loads(done.stdout)["scores"]
    assert (scores["episodes"], scores["left_out"]) == (0, {"model": 4})
    assert scores["infra_rate"] == 0.0


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--resume"], "name it by --save"),
        (["--split", "tset"], "tset"),
        (["learner.lr=1"], "given as --arg"),
        (["-a", "kys=2"], "Did you mean 'keys'"),
    ],
)
def test_mistakes_are_one_line(
    server: Server, tmp_path: Path, more: list[str], message: str
) -> None:
    saved = [] if "--resume" in more else ["--save", str(tmp_path / "out")]
    done = envgym(*arguments(server, *more, *saved))
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert server.asked == 0
    assert not (tmp_path / "out" / "evaluation.json").exists()


def test_several_greedy_samples_of_a_local_model_are_refused() -> None:
    done = envgym(
        *("eval", "puzzles/key-door-v1", "--agent", "local", "--model", "."),
        *("--samples", "4", "--temperature", "0"),
    )
    assert done.returncode == 2
    assert "4 episodes of a task are equal at temperature 0" in done.stderr
