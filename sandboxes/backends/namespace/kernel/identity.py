"""Who a box's supervisor and its programs are: the last steps, after which nothing is regained."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from types import ModuleType

from envgym.sandboxes.backends.namespace.kernel import seccomp, syscalls
from envgym.sandboxes.supervisor.cgroup_counters import Meters


def become_first_victim() -> None:
    """Have an out-of-memory killer take this process, and what it starts, before any other.

    A box's /proc is read-only, so none of its programs can say otherwise.
    """
    _write_oom_score(b"1000")


def become_no_victim() -> None:
    """Have it spare this process, where that may be said: files of a box that a killer took are
    still there for a moment, and this process would be the next in its group."""
    with contextlib.suppress(PermissionError):
        _write_oom_score(b"-1000")


def _write_oom_score(score: bytes) -> None:
    file = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
    try:
        os.write(file, score)
    finally:
        os.close(file)


def enter_user_namespace(file: int) -> None:
    """Enter the box's user namespace, with all power over its programs and none over its mounts.

    Those belong to the namespace above: not even a supervisor that was taken over changes them.
    """
    syscalls.setns(file, syscalls.NEWUSER)
    syscalls.empty_bounding_set()


def become_supervisor(own_ids: bool) -> None:
    """Be root of the box's user namespace, and of nothing else."""
    if own_ids:
        os.setgroups([])
        os.setresgid(0, 0, 0)
        os.setresuid(0, 0, 0)
    syscalls.prctl(syscalls.PR_SET_DUMPABLE, 0)  # its memory and descriptors are nobody's
    # After the change of user, which would clear it.
    syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)


def confine(code: bytes) -> None:
    """In a program's process, its user set: no capability, no privilege to gain, a filter."""
    syscalls.prctl(syscalls.PR_SET_DUMPABLE, 1)  # to itself and its supervisor it is no secret
    syscalls.drop_capabilities()
    seccomp.install(code)


_OURS: list[ModuleType] = []


def forget_ourselves() -> None:
    """Have Python programs find no module of ours; in the zygote, once all are there.

    They are kept from being cleared away, for they are what runs.
    """
    for name in [name for name in sys.modules if name.partition(".")[0] == "envgym"]:
        _OURS.append(sys.modules.pop(name))


def keep_only(link: int, meters: Meters) -> tuple[int, Meters]:
    """Close every descriptor but the link and the counters; the standard ones lead nowhere."""
    kept = [link, *(file for file in (meters.memory, meters.processes) if file is not None)]
    nothing = os.open(os.devnull, os.O_RDWR)
    high = [os.dup2(file, 200 + i, inheritable=False) for i, file in enumerate(kept)]
    for number in range(3):
        os.dup2(nothing, number)
    low = [os.dup2(file, 3 + i, inheritable=False) for i, file in enumerate(high)]
    os.closerange(3 + len(low), 1 << 20)
    return low[0], Meters(*low[1:])
