"""Who a box's supervisor and its programs are: the last steps, after which nothing is regained."""

from __future__ import annotations

import os
import signal
import sys

from envgym.sandboxes.namespace import seccomp, syscalls
from envgym.sandboxes.namespace.mounts import USER
from envgym.sandboxes.namespace.slots import Slot

FIRST_VICTIM = b"1000"  # the highest oom_score_adj


def become_supervisor(slot: Slot) -> None:
    """Enter the box's user namespace, with all power over its programs and none over its mounts.

    Those belong to the namespace above: not even a supervisor that was taken over changes them.
    """
    syscalls.setns(slot.user, syscalls.NEWUSER)
    if slot.base is not None:
        os.setgroups([])
        os.setresgid(0, 0, 0)
        os.setresuid(0, 0, 0)
    syscalls.empty_bounding_set()
    syscalls.prctl(syscalls.PR_SET_DUMPABLE, 0)  # its memory and descriptors are nobody's
    # After the change of user, which would clear it.
    syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)


def program_owner(slot: Slot) -> tuple[int, int] | None:
    """User and group of programs in the box; None: the supervisor's own."""
    return None if slot.base is None else (USER, USER)


def confine(code: bytes) -> None:
    """In a program's process, its user set: no capability, no privilege to gain, a filter.

    Python programs find no module of ours, and an out-of-memory killer takes them before others.
    """
    syscalls.prctl(syscalls.PR_SET_DUMPABLE, 1)  # to itself and its supervisor it is no secret
    with open("/proc/self/oom_score_adj", "wb", buffering=0) as file:
        file.write(FIRST_VICTIM)
    syscalls.drop_capabilities()
    seccomp.install(code)
    for name in [name for name in sys.modules if name.partition(".")[0] == "envgym"]:
        del sys.modules[name]
