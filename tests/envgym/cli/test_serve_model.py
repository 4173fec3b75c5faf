"""``envgym serve-model`` as a process, and a rollout through it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from urllib.request import urlopen

import pytest

from envgym.agents.tiny import BASE
from tests.envgym.cli.test_cli import PROGRAM, envgym


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Address of a served base model, told on the program's first line."""
    process = subprocess.Popen(
        [PROGRAM, "serve-model", "--port", "0", "--name", "toy", "--threads", "1"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    try:
        assert line.startswith("toy at http://127.0.0.1:")
        yield line.removeprefix("toy at ").rstrip("/")
    finally:
        process.terminate()
        assert process.wait(20) == 0


def test_it_says_what_it_serves(address: str) -> None:
    with urlopen(f"{address}/v1/models") as reply:
        (model,) = json.load(reply)["data"]
    assert (model["id"], model["max_model_len"]) == ("toy", 1024)


def test_a_rollout_through_it(address: str) -> None:
    done = envgym(
        *("rollout", "search/wiki-v1", "-a", "size=60", "-a", "max_turns=2", "-n", "4", "--json"),
        *("--agent", "vllm", "--base-url", address, "--model", str(BASE), "--dialect", "tags"),
        *("--max-tokens", "8"),
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["agent"], report["episodes"], report["faults"]) == ("vllm", 4, 0)
    assert report["mean_turns"] == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--model", "x"), "the vllm agent needs --base-url"),
        (("--base-url", "http://127.0.0.1:9"), "the vllm agent needs --model"),
        (
            ("--base-url", "http://127.0.0.1:9", "--model", str(BASE)),
            "no server http://127.0.0.1:9",
        ),
    ],
)
def test_a_rollout_without_a_server(arguments: tuple[str, ...], message: str) -> None:
    done = envgym("rollout", "search/wiki-v1", "--agent", "vllm", "-n", "1", *arguments)
    assert done.returncode == 2
    assert message in done.stderr


def test_others_need_a_token() -> None:
    done = envgym("serve-model", "--host", "0.0.0.0", "--port", "0")
    assert done.returncode == 2
    assert "0.0.0.0 can be reached by others: give --token-file" in done.stderr
