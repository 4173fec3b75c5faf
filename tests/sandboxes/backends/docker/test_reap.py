"""Who is taken for dead, and who is not."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from envgym.errors import UsageError
from envgym.sandboxes.backends.docker.engine import DEFAULT_SOCKET, socket_path
from envgym.sandboxes.backends.docker.reap import is_dead, owner


def test_a_live_process_is_not_dead() -> None:
    assert not is_dead(owner(os.getpid()))


def test_a_process_that_ended_is_dead_and_so_is_one_whose_id_was_given_away() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        name = owner(process.pid)
        assert not is_dead(name)
        boot, namespace, pid, start = name.split()
        assert is_dead(f"{boot} {namespace} {pid} {int(start) - 1}")
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert is_dead(name)  # a zombie owns nothing
    assert is_dead(name)


def test_of_another_boot_all_are_dead_and_of_another_namespace_none() -> None:
    boot, namespace, pid, start = owner(os.getpid()).split()
    assert is_dead(f"0{boot[1:]}x {namespace} {pid} {start}")
    assert not is_dead(f"{boot} pid:[1] 999999999 {start}")


@pytest.mark.parametrize("name", ["", "garbage", "a b"])
def test_a_label_that_is_none_of_ours_removes_nothing_of_this_boot(name: str) -> None:
    boot = owner(os.getpid()).split()[0]
    assert not is_dead(f"{boot} {name}")
    assert not is_dead("")


def test_where_the_engine_listens() -> None:
    assert socket_path({}) == DEFAULT_SOCKET
    assert socket_path({"DOCKER_HOST": "unix:///run/user/1000/docker.sock"}) == (
        "/run/user/1000/docker.sock"
    )
    with pytest.raises(UsageError, match=r"tcp://host:2375.*unix:///PATH"):
        socket_path({"DOCKER_HOST": "tcp://host:2375"})
