"""Identity of a sandbox's supervisor and programs: the last, irreversible steps before they run."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from types import ModuleType

from envgym.sandboxes.backends.namespace.kernel import seccomp, syscalls
from envgym.sandboxes.supervisor.cgroup_counters import CgroupCounters


def prefer_for_oom_kill() -> None:
    """Make the kernel's out-of-memory killer choose this process, and its children, first.

    A sandbox's /proc is read-only, so none of its programs can say otherwise.
    """
    _write_oom_score(b"1000")


def avoid_oom_kill() -> None:
    """Make the out-of-memory killer spare this process, where that is permitted.

    The files of a killed sandbox remain in memory for a moment, and this process would be the next
    victim in its group.
    """
    with contextlib.suppress(PermissionError):
        _write_oom_score(b"-1000")


def _write_oom_score(score: bytes) -> None:
    file = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
    try:
        os.write(file, score)
    finally:
        os.close(file)


def enter_user_namespace(file: int) -> None:
    """Enter the sandbox's user namespace: all capabilities over its programs, none over its mounts.

    Those belong to the namespace above: not even a supervisor that was taken over changes them.
    """
    syscalls.setns(file, syscalls.NEWUSER)
    syscalls.empty_bounding_set()


def become_supervisor(own_ids: bool) -> None:
    """Become root of the sandbox's user namespace, without any other privilege."""
    if own_ids:
        os.setgroups([])
        os.setresgid(0, 0, 0)
        os.setresuid(0, 0, 0)
    syscalls.prctl(
        syscalls.PR_SET_DUMPABLE, 0
    )  # no other process may read its memory and descriptors
    # After the change of user, which would clear it.
    syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)


def confine(code: bytes) -> None:
    """Confine a program's process: user, no capabilities, no new privileges, system call filter."""
    syscalls.prctl(syscalls.PR_SET_DUMPABLE, 1)  # to itself and its supervisor it is no secret
    syscalls.drop_capabilities()
    seccomp.install(code)


_OURS: list[ModuleType] = []


def hide_envgym_modules() -> None:
    """Hide envgym's modules from Python programs, once the zygote has loaded all of them.

    They are kept from being cleared away, for they are what runs.
    """
    for name in [name for name in sys.modules if name.partition(".")[0] == "envgym"]:
        _OURS.append(sys.modules.pop(name))


def keep_only(link: int, counters: CgroupCounters) -> tuple[int, CgroupCounters]:
    """Close every descriptor but the connection and the counters; point the standard ones at
    nothing.
    """
    kept = [link, *(file for file in (counters.memory, counters.processes) if file is not None)]
    nothing = os.open(os.devnull, os.O_RDWR)
    high = [os.dup2(file, 200 + i, inheritable=False) for i, file in enumerate(kept)]
    for number in range(3):
        os.dup2(nothing, number)
    low = [os.dup2(file, 3 + i, inheritable=False) for i, file in enumerate(high)]
    os.closerange(3 + len(low), 1 << 20)
    return low[0], CgroupCounters(*low[1:])
