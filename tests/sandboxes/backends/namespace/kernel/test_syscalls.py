"""The kernel's own answers: filter, Landlock and capabilities in processes of their own."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
from collections.abc import Callable

import pytest

from envgym.sandboxes.backends.namespace.kernel import landlock, seccomp, syscalls
from tests.machine import need


def child(body: Callable[[], object]) -> int:
    """Exit code of a process that runs `body`: 0, 100 + errno, or minus a signal."""
    pid = os.fork()
    if pid == 0:
        code = 99
        try:
            body()
            code = 0
        except OSError as error:
            code = 100 + (error.errno or 0)
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def filtered(body: Callable[[], object], **options: bool) -> int:
    def inside() -> None:
        seccomp.install(seccomp.program(**options))
        body()

    return child(inside)


def test_the_kernel_takes_the_filter() -> None:
    assert filtered(os.getpid) == 0
    assert filtered(lambda: os.system("true")) == 0
    assert filtered(lambda: syscalls.unshare(syscalls.NEWUSER)) == -signal.SIGSYS
    assert filtered(lambda: ctypes.CDLL(None).ptrace(0, 0, 0, 0)) == -signal.SIGSYS
    assert filtered(lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)) == 100 + 97
    assert filtered(lambda: socket.socket(socket.AF_INET)) == 0
    assert filtered(lambda: socket.socket(socket.AF_INET), own_namespaces=False) == 100 + 97
    assert filtered(lambda: os.sched_setaffinity(1, {0})) == 100 + 1
    assert filtered(lambda: os.sched_setaffinity(0, {0})) == 0


def test_capabilities_are_given_up() -> None:
    def body() -> None:
        syscalls.empty_bounding_set()
        syscalls.drop_capabilities()
        with open("/proc/self/status") as file:
            memory_cgroup = [line.split()[1] for line in file if line.startswith("Cap")]
        assert {int(h, 16) for h in memory_cgroup} == {0}

    need(os.geteuid() == 0, "only root has capabilities to give up")
    assert child(body) == 0


def test_landlock_leaves_what_is_named(tmp_path_factory: pytest.TempPathFactory) -> None:
    need(landlock.version() > 0, "this kernel has no Landlock")
    inside, outside = tmp_path_factory.mktemp("in"), tmp_path_factory.mktemp("out")
    (outside / "secret").write_text("x")

    def kept(body: Callable[[], object]) -> int:
        def confined() -> None:
            syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)
            landlock.restrict(["/usr", "/nowhere"], [str(inside)], ["/dev/null"])
            body()

        return child(confined)

    assert kept(lambda: (inside / "a").write_text("x")) == 0
    assert kept(lambda: open("/dev/null", "w").close()) == 0
    assert kept(lambda: os.listdir("/usr")) == 0
    assert kept(lambda: (outside / "secret").read_text()) == 113
    assert kept(lambda: (outside / "b").write_text("x")) == 113
    assert kept(lambda: os.listdir("/proc/self")) == 113
    assert kept(lambda: os.truncate(outside / "secret", 0)) == 113
    if landlock.version() >= landlock.SCOPES:
        assert kept(lambda: os.kill(os.getppid(), 0)) == 101
