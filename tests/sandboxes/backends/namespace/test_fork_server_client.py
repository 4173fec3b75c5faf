"""What the host makes of a keeper that is gone."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import pytest

from envgym.errors import Fault
from envgym.sandboxes.backends.namespace.fork_server_client import Place
from envgym.sandboxes.backends.namespace.settings import BoxSettings

BOX = BoxSettings(1, 1 << 20, 4, 1 << 20)


async def _place(counter: Path) -> tuple[Place, socket.socket]:
    """A place whose keeper is a socket of the test's, its group's counters and usage files."""
    ours, keeper = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    place = Place(ours)
    with counter.open() as kills, _used(counter).open() as usage:
        files = [kills.fileno(), kills.fileno(), usage.fileno()]
        socket.send_fds(keeper, [b'{"ready": true}'], files)
    await place.ready()
    return place, keeper


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


async def test_a_keeper_that_went_with_its_box_for_memory_is_the_boxs_doing(counter: Path) -> None:
    place, keeper = await _place(counter)
    place.run(BOX, {}, 0, [])
    _kills(counter, 2)
    keeper.close()
    end = await place.ending()
    assert (end.status, end.ooms) == (signal.SIGKILL, 2)
    assert not place.free


async def test_any_other_end_of_a_keeper_is_a_fault(counter: Path) -> None:
    place, keeper = await _place(counter)
    place.run(BOX, {}, 0, [])
    _kills(counter, 2)
    keeper.send(b'{"ended": 1, "ooms": 2, "ending": {"status": 9}}')
    assert (await place.ending()).status == signal.SIGKILL
    place.run(BOX, {}, 0, [])  # these two were the last one's
    keeper.close()
    with pytest.raises(Fault, match="keeper is gone"):
        await place.ending()


async def test_a_box_that_was_not_there_yet_is_a_fault(counter: Path) -> None:
    place, keeper = await _place(counter)
    _kills(counter, 1)
    link, other = socket.socketpair()
    keeper.close()
    with link, other, pytest.raises(Fault, match="keeper is gone"):
        await place.open(BOX, link)


async def test_a_place_is_cleared_once_its_last_box_gave_its_memory_back(counter: Path) -> None:
    place, keeper = await _place(counter)
    with keeper:
        assert place.cleared
        _used(counter).write_text("90000000\n")
        assert not place.cleared
        _used(counter).write_text("3000000\n")
        assert place.cleared
        place.close()


async def test_a_place_whose_group_is_gone_is_not_taken(counter: Path) -> None:
    place, keeper = await _place(counter)
    with keeper:
        assert place._used is not None
        os.close(place._used)  # reads fail, as those of a removed group's file do
        assert not place.cleared
        place._used = None
        place.close()
