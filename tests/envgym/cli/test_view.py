"""``envgym view`` as a script meets it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest

PROGRAM = str(Path(sys.executable).parent / "envgym")


def envgym(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved")
    done = envgym("rollout", "search/wiki-v1", "-a", "size=60", "-n", "6", "--save", str(folder))
    assert done.returncode == 0, done.stderr
    return folder


def test_a_saved_rollout_is_served_until_interrupted(saved: Path) -> None:
    command = [PROGRAM, "view", str(saved), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as server:
        assert server.stdout is not None
        address = server.stdout.readline().decode().strip()
        assert address.startswith("http://127.0.0.1:")
        with urlopen(f"{address}data") as answer:
            data = json.load(answer)
        assert len(data["list"]) == 6
        with urlopen(f"{address}episode?key=0/3") as answer:
            blocks = json.load(answer)["seats"][0]["turns"][0]["blocks"]
        assert blocks[-1]["text"].startswith("search(")  # what the oracle called
        server.send_signal(signal.SIGINT)
        assert server.wait(30) == 0
        assert server.stderr is not None
        assert server.stderr.read() == b""


def test_the_page_is_written_where_it_is_asked_for(saved: Path, tmp_path: Path) -> None:
    done = envgym("view", str(saved), "--html", str(tmp_path / "page.html"))
    assert done.stdout.strip() == str(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text().startswith("<!doctype html>")


def test_a_folder_without_episodes_is_one_line_and_code_2(tmp_path: Path) -> None:
    done = envgym("view", str(tmp_path))
    assert (done.returncode, len(done.stderr.strip().splitlines())) == (2, 1)
    assert "holds no run and no episodes" in done.stderr
