"""The service as a process: its stop, its death, and what is left of it (nothing)."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from envgym.errors import Fault, UsageError
from envgym.sandboxes.backends.remote.backend import RemoteBackend, RemoteBox
from envgym.sandboxes.limits import Limits
from envgym.sandboxes.service.config import ServiceConfig, Tokens
from tests.sandboxes.service.client import (
    TOKEN,
    Client,
    alive,
    pids,
    program,
    service,
    sleeper,
    stdout,
    until,
    write_tokens,
)


def supervisors(pid: int) -> list[int]:
    """Processes that the service started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def folders(folder: Path) -> int:
    """How many services have, or had, their boxes' files below a folder."""
    return len(list(folder.glob("envgym-unsafe-*")))


async def test_sigterm_lets_what_runs_end_and_takes_nothing_new(tmp_path: Path) -> None:
    async with program(tmp_path, "--size", "1", "--stop-s", "60") as (client, process):
        file, go = tmp_path / "began", tmp_path / "go"
        code = (
            f"import os, time\nopen({str(file)!r}, 'w')\n"
            f"while not os.path.exists({str(go)!r}): time.sleep(0.01)\nprint('done')"
        )
        running = asyncio.create_task(client.python(code))
        await until(file.exists)
        boxes = supervisors(process.pid)
        assert boxes
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(20):
            while (await client.send("/health", method="GET"))[0] != 503:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        status, said = await client.python("print(1)")
        assert (status, said["error"]) == (503, "busy")
        go.touch()
        assert stdout((await running)[1]) == b"done\n"
        assert await asyncio.wait_for(process.wait(), 20) == 0
        assert not any(map(alive, boxes))
        assert folders(tmp_path) == 0
        log = (tmp_path / "log").read_text()
        assert "stopping" in log
        assert TOKEN not in log


async def test_sigterm_ends_what_would_not(tmp_path: Path) -> None:
    async with program(tmp_path, "--size", "0", "--stop-s", "0.3") as (client, process):
        box = await client.open()
        running = asyncio.create_task(
            client.python(sleeper(tmp_path / "pids"), box + "/python", id="x")
        )
        found = await pids(tmp_path / "pids")
        process.send_signal(signal.SIGTERM)
        status, said = await running
        assert (status, said["error"]) == (502, "fault")
        assert await asyncio.wait_for(process.wait(), 20) == 0
        assert not any(map(alive, found))


async def test_killed_it_leaves_nothing_and_a_new_one_serves(tmp_path: Path) -> None:
    async with program(tmp_path, "--size", "2") as (client, process):
        async with RemoteBackend(client.url, client.token_file, patience_s=0.5) as backend:
            box = await backend.open()
            assert isinstance(box, RemoteBox)
            running = asyncio.create_task(box.python(sleeper(tmp_path / "pids")))
            found = await pids(tmp_path / "pids")
            found += supervisors(process.pid)
            os.kill(process.pid, signal.SIGKILL)
            with pytest.raises(Fault) as caught:
                await running
            assert caught.value.kind == "infra"
            with pytest.raises(Fault):
                await backend.run_python("1")
            await box.close()
        await until(lambda: not any(map(alive, found)), 10)
        assert folders(tmp_path) == 1
    port = client.url.rpartition(":")[2]
    async with program(tmp_path, "--port", port) as (again, _):
        assert again.url == client.url
        assert folders(tmp_path) == 1  # its own: the old one is reaped
        async with RemoteBackend(again.url, again.token_file) as backend:
            lost = backend._box(box._path.rpartition("/")[2], Limits())
            with pytest.raises(Fault, match="no such sandbox"):
                await lost.read("x")
            assert (await backend.run_python("print(1)")).text == "1\n"


def test_token_files(tmp_path: Path) -> None:
    tokens = Tokens(write_tokens(tmp_path))
    assert tokens.owner(f"Bearer {TOKEN}") == "alice"
    assert tokens.owner("bearer another-token-of-theirs") == "token-2"
    for wrong in ("", "Bearer", "Bearer alice", TOKEN, f"Basic {TOKEN}", f"Bearer {TOKEN} x"):
        assert tokens.owner(wrong) is None
    file = tmp_path / "file"
    for text, message in (
        ("", "no token"),
        ("# just a comment\n", "no token"),
        ("short\n", "16 characters"),
        ("a b c-long-enough-as-it-is\n", "NAME TOKEN"),
    ):
        file.write_text(text)
        with pytest.raises(UsageError, match=message) as caught:
            Tokens(file)
        assert "c-long" not in str(caught.value)
    file.write_bytes(b"\xff" * 20)
    with pytest.raises(UsageError, match="cannot read"):
        Tokens(file)
    with pytest.raises(UsageError, match="cannot read"):
        Tokens(tmp_path / "none")


async def test_a_port_that_is_taken(client: Client, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="another --port"):
        async with service(tmp_path, config=ServiceConfig(), port=int(client.url[-5:].strip(":"))):
            raise AssertionError
