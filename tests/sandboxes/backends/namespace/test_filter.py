"""What the system call filter answers, worked out by an interpreter of its own for its code."""

from __future__ import annotations

import errno
import re
import struct
from pathlib import Path

import pytest

from envgym.sandboxes.backends.namespace.kernel.bpf import ALLOW, KILL, errno_action
from envgym.sandboxes.backends.namespace.kernel.seccomp import ARCHES, program, rules
from envgym.sandboxes.backends.namespace.kernel.syscall_numbers import LAST, NUMBERS

HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}
EPERM, ENOSYS = errno_action(errno.EPERM), errno_action(errno.ENOSYS)
FAMILY = errno_action(errno.EAFNOSUPPORT)


def run(code: bytes, number: int, args: tuple[int, ...] = (), arch: int = 0xC000003E) -> int:
    """The filter's answer: classic BPF as the kernel's documentation has it."""
    data = struct.pack("=iIQ6Q", number & 0x7FFFFFFF, arch, 0, *(*args, *[0] * 6)[:6])
    at = accumulator = 0
    for _ in range(4096):
        op, true, false, value = struct.unpack_from("=HBBI", code, 8 * at)
        at += 1
        if op == 0x20:
            accumulator = struct.unpack_from("=I", data, value)[0]
        elif op == 0x54:
            accumulator &= value
        elif op == 0x05:
            at += value
        elif op == 0x06:
            return value
        else:
            jump = {
                0x15: accumulator == value,
                0x35: accumulator >= value,
                0x45: bool(accumulator & value),
            }
            at += true if jump[op] else false
    raise AssertionError("the filter does not end")


def ask(name: str, *args: int, machine: str = "x86_64", **options: bool) -> int:
    arch, column, _ = ARCHES[machine]
    number = NUMBERS[name][column]
    assert number is not None
    return run(program(machine=machine, **options), number, args, arch)


@pytest.mark.parametrize("machine", ARCHES)
def test_every_number_has_the_answer_of_its_rule(machine: str) -> None:
    arch, column, _ = ARCHES[machine]
    code = program(machine=machine)
    policy = {NUMBERS[n][column]: rule for n, rule in rules(True).items()}
    for number in range(LAST + 1):
        rule = policy.get(number, ALLOW)
        if isinstance(rule, int):
            assert run(code, number, arch=arch) == rule, number


@pytest.mark.parametrize("machine", ARCHES)
def test_numbers_are_the_kernels(machine: str) -> None:
    if not HEADERS[machine].exists():
        pytest.skip(f"{HEADERS[machine]}: no kernel headers")
    text = HEADERS[machine].read_text()
    found = dict(re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", text))
    _, column, _ = ARCHES[machine]
    for name, numbers in NUMBERS.items():
        if name in found and numbers[column] is not None:
            assert int(found[name]) == numbers[column], name
        elif numbers[column] is None:
            assert name not in found, name
    assert sum(name in found for name in NUMBERS) > 50


def test_foreign_architectures_and_unknown_numbers() -> None:
    code = program(machine="x86_64")
    assert run(code, 20, arch=0x40000003) == KILL  # i386: other numbers, another filter
    assert run(code, 0x40000000 | 39) == KILL  # x32
    assert run(code, LAST + 1) == ENOSYS
    assert run(code, 39) == ALLOW
    assert run(program(machine="aarch64"), LAST + 500, arch=0xC00000B7) == ENOSYS


@pytest.mark.parametrize("machine", ARCHES)
def test_arguments(machine: str) -> None:
    def say(name: str, *args: int) -> int:
        return ask(name, *args, machine=machine)

    for bit in range(25, 31):
        assert say("clone", 1 << bit | 17) == KILL, bit
    assert say("clone", 0x00020000) == KILL
    assert say("clone", 0x3D0F00) == ALLOW  # a thread
    assert say("clone", 17) == ALLOW  # a fork
    assert say("clone3") == ENOSYS
    for family, answer in {
        1: ALLOW,
        2: ALLOW,
        10: ALLOW,
        16: FAMILY,
        17: FAMILY,
        40: FAMILY,
    }.items():
        assert say("socket", family, 1) == answer, family
    assert say("socket", 2, 1 | 0o2000000) == ALLOW  # SOCK_CLOEXEC
    assert say("socket", 2, 3) == errno_action(errno.EPROTONOSUPPORT)  # raw
    assert say("socket", 2, 1, 132) == errno_action(errno.EPROTONOSUPPORT)  # SCTP
    assert say("ioctl", 0, 0x5412) == EPERM  # TIOCSTI
    assert say("ioctl", 0, 0x541C) == EPERM
    assert say("ioctl", 0, 0xFFFFFFFF00005412) == EPERM  # the kernel reads the low half
    assert say("ioctl", 0, 0x5401) == ALLOW  # TCGETS, that isatty asks
    assert say("prlimit64", 0) == ALLOW
    assert say("prlimit64", 1) == EPERM
    assert say("setpriority", 0, 0) == ALLOW
    assert say("setpriority", 2, 0) == EPERM  # of all of one's user
    assert say("ioprio_set", 1, 0) == ALLOW
    assert say("ioprio_set", 3, 0) == EPERM
    assert say("prctl", 4, 1) == ALLOW
    assert say("prctl", 4, 0) == errno_action(0)  # said to be done
    assert say("prctl", 38, 1) == ALLOW
    assert say("personality", 0xFFFFFFFF) == ALLOW
    assert say("personality", 0x40000) == EPERM


def test_without_namespaces_there_is_neither_network_nor_memory_by_name() -> None:
    for family in (1, 2, 10):
        assert ask("socket", family, 1, own_namespaces=False) == FAMILY
    assert ask("socketpair", 1, 1, own_namespaces=False) == ALLOW
    assert (ask("shmget"), ask("shmget", own_namespaces=False)) == (ALLOW, EPERM)


@pytest.mark.parametrize("machine", ARCHES)
def test_nobody_sends_the_signal_that_means_denied(machine: str) -> None:
    for name, argument in {
        **dict.fromkeys(("kill", "tkill", "rt_sigqueueinfo", "pidfd_send_signal"), 1),
        **dict.fromkeys(("tgkill", "rt_tgsigqueueinfo"), 2),
    }.items():
        for number in (0, 1, 9, 24, 31, 32, 64):
            args = [7] * argument + [number]
            answer = EPERM if number == 31 else ALLOW
            assert ask(name, *args, machine=machine) == answer, (name, number)
    assert ask("clone", 0x01200000 | 31, machine=machine) == EPERM  # of a child's end
    assert ask("prctl", 59, 1, machine=machine) == EPERM
    assert ask("fcntl", 3, 10, 31, machine=machine) == EPERM


@pytest.mark.parametrize("machine", ARCHES)
def test_nobody_watches_files_that_others_use(machine: str) -> None:
    for name in ("inotify_init1", "inotify_add_watch", "cachestat"):
        for own_namespaces in (True, False):
            assert ask(name, machine=machine, own_namespaces=own_namespaces) == ENOSYS
    for order, answer in {
        1024: EPERM,
        1026: EPERM,
        1: ALLOW,
        4: ALLOW,
        6: ALLOW,
        1030: ALLOW,
    }.items():
        assert ask("fcntl", 3, order, machine=machine) == answer


def test_files_in_memory_need_a_group_that_holds_them() -> None:
    assert (ask("memfd_create"), ask("memfd_create", memory_cgroup=False)) == (ALLOW, ENOSYS)


def test_a_landlock_box_changes_nothing_of_its_users_files_by_path() -> None:
    for name in ("chmod", "fchmodat", "fchmodat2", "chown", "utimensat", "setxattr"):
        assert (ask(name), ask(name, own_namespaces=False, owns_host_files=True)) == (ALLOW, EPERM)


def test_few_instructions() -> None:
    """What each box pays when it is installed; the kernel's own limit is 4096."""
    assert len(program(own_namespaces=False, owns_host_files=True)) // 8 < 360
