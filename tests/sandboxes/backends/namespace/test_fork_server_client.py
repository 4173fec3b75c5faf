"""A fork server that is gone, as the host sees it."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import pytest

from envgym.errors import Fault
from envgym.sandboxes.backends.namespace.fork_server_client import ForkServerClient
from envgym.sandboxes.backends.namespace.settings import BoxSettings

BOX = BoxSettings(1, 1 << 20, 4, 1 << 20)


async def _client(counter: Path) -> tuple[ForkServerClient, socket.socket]:
    """A place whose fork server is a socket of the test's, its group's counters and usage files."""
    ours, server = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    client = ForkServerClient(ours)
    with counter.open() as kills, _used(counter).open() as usage:
        files = [kills.fileno(), kills.fileno(), usage.fileno()]
        socket.send_fds(server, [b'{"ready": true}'], files)
    await client.ready()
    return client, server


def _used(counter: Path) -> Path:
    return counter.with_name("memory.current")


def _kills(counter: Path, count: int) -> None:
    counter.write_text(f"oom_kill {count}\n")


@pytest.fixture
def counter(tmp_path: Path) -> Path:
    file = tmp_path / "memory.events"
    file.write_text("oom_kill 0\n")
    _used(file).write_text("2000000\n")
    return file


async def test_a_fork_server_that_went_with_its_box_for_memory_is_the_boxs_doing(
    counter: Path,
) -> None:
    client, server = await _client(counter)
    client.run(BOX, {}, 0, [])
    _kills(counter, 2)
    server.close()
    end = await client.ending()
    assert (end.status, end.ooms) == (signal.SIGKILL, 2)
    assert not client.free


async def test_any_other_end_of_a_fork_server_is_a_fault(counter: Path) -> None:
    client, server = await _client(counter)
    client.run(BOX, {}, 0, [])
    _kills(counter, 2)
    server.send(b'{"ended": 1, "ooms": 2, "ending": {"status": 9}}')
    assert (await client.ending()).status == signal.SIGKILL
    client.run(BOX, {}, 0, [])  # these two were the last one's
    server.close()
    with pytest.raises(Fault, match="fork server is gone"):
        await client.ending()


async def test_a_box_that_was_not_there_yet_is_a_fault(counter: Path) -> None:
    client, server = await _client(counter)
    _kills(counter, 1)
    link, other = socket.socketpair()
    server.close()
    with link, other, pytest.raises(Fault, match="fork server is gone"):
        await client.open(BOX, link)


async def test_a_fork_server_is_cleared_once_its_last_box_gave_its_memory_back(
    counter: Path,
) -> None:
    client, server = await _client(counter)
    with server:
        assert client.cleared
        _used(counter).write_text("90000000\n")
        assert not client.cleared
        _used(counter).write_text("3000000\n")
        assert client.cleared
        client.close()


async def test_a_fork_server_whose_group_is_gone_is_not_taken(counter: Path) -> None:
    client, server = await _client(counter)
    with server:
        assert client._used is not None
        os.close(client._used)  # reads fail, as those of a removed group's file do
        assert not client.cleared
        client._used = None
        client.close()
