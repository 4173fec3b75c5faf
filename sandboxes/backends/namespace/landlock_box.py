"""Boxes where the kernel grants no namespaces (a default container): weaker, only when asked for.

Landlock leaves a program its own folder to write and the system's to read; the filter leaves it no
socket but pairs; as root, it runs as a user that nobody else is. It still shares the machine's
process ids, can tell which paths exist, and its disk is bounded file by file alone.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from envgym.sandboxes.backends.namespace.box_parent import BoxParent
from envgym.sandboxes.backends.namespace.kernel import landlock, mounts, seccomp, syscalls
from envgym.sandboxes.backends.namespace.kernel.identity import become_first_victim, keep_only
from envgym.sandboxes.backends.namespace.settings import BoxSettings
from envgym.sandboxes.supervisor import processes
from envgym.sandboxes.supervisor.cgroup_counters import Meters
from envgym.sandboxes.supervisor.child.launch import adopt_orphans
from envgym.sandboxes.supervisor.config import BoxConfig
from envgym.sandboxes.supervisor.streams.channel import Channel
from envgym.sandboxes.supervisor.supervisor import Supervisor

_READABLE = (*mounts.SYSTEM, *mounts.SETTINGS, "/etc/passwd", "/etc/group", "/etc/nsswitch.conf")
_DEVICES = tuple(f"/dev/{name}" for name in mounts.DEVICES)


def check_guests(base: int | None) -> None:
    """Whether this process can host them.

    Raises:
        OSError: It cannot; the mend is in the message.
    """
    needed = landlock.SCOPES if base is None else 1
    if landlock.version() < needed:
        why = f"Landlock {needed} is needed, this kernel has {landlock.version()}"
        raise OSError(errno.ENOSYS, f"{why}: as root any Linux from 5.13 on has it, else 6.12")
    adopt_orphans()
    end_guests(base)


def be_guest_box(keeper: BoxParent, box: BoxSettings, link: int) -> None:
    """Become the supervisor of a box without namespaces; never returns."""
    own = keeper.guest_folder(box.id)
    try:
        try:
            syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
            become_first_victim()
            owner = None if keeper.base is None else (keeper.base + 1,) * 2
            for folder in (own, own / "box", own / "tmp"):
                folder.mkdir(0o700)
                if owner is not None:
                    os.chown(folder, *owner)
            syscalls.empty_bounding_set()
            syscalls.prctl(syscalls.PR_SET_DUMPABLE, 0)
        except OSError as error:
            keeper.control.send(json.dumps({"error": str(error)}).encode())
            return
        keeper.control.send(json.dumps({"opened": box.id}).encode())
        config = BoxConfig(
            workdir=str(own / "box"),
            owner=owner,
            env={"TMPDIR": str(own / "tmp"), **keeper.settings.env},
            held_memory=keeper.config.held_memory,
            held_processes=keeper.config.held_processes,
            count_processes=True,
            beside=_tasks_of(os.getuid()) if owner is None else 0,
            filtered=True,
            confine=lambda: _confine(str(own), keeper),
        )
        link, config.meters = keep_only(link, keeper.group.meters if keeper.group else Meters())
        Supervisor(Channel(link, link), config).serve()
    finally:
        os._exit(0)


def end_guests(base: int | None) -> None:
    """Kill all that a box has left: by its user where that is its own, and by descent."""
    if base is not None:
        pid = os.fork()
        if pid == 0:
            _kill_user(base + 1)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if status == errno.EACCES:
            why = f"{sys.base_prefix} is closed to other users: start with a Python in /usr"
            raise PermissionError(status, why)
        if status:
            raise OSError(status, "root without the right to become another user: grant SETUID")
    while left := processes.children(os.getpid()):
        for pid in left:
            processes.kill_tree(pid)
        for pid in left:
            os.waitpid(pid, 0)


def remove_folder(path: Path) -> None:
    """Remove a box's folder, however deep its programs made it."""
    subprocess.run(["rm", "-rf", "--", str(path)], check=False, stderr=subprocess.DEVNULL)


def _kill_user(uid: int) -> None:
    """In a process of its own: become that user, and kill all of its processes but this one."""
    try:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        os.stat(os.__file__)  # which its programs need, too
        os.kill(-1, signal.SIGKILL)  # at once: none of them forks on
    except ProcessLookupError:
        pass
    except OSError as error:
        os._exit(error.errno or 1)
    finally:
        os._exit(0)


def _confine(own: str, keeper: BoxParent) -> None:
    syscalls.prctl(syscalls.PR_SET_DUMPABLE, 1)
    syscalls.drop_capabilities()
    syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)
    landlock.restrict([*_READABLE, *keeper.settings.readable], [own], _DEVICES)
    held = keeper.group is not None
    seccomp.install(seccomp.program(alone=False, guest=keeper.base is None, held=held))


def _tasks_of(uid: int) -> int:
    """Threads of all processes of a user, as RLIMIT_NPROC counts them."""
    count = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if folder.stat().st_uid == uid:
                count += len(os.listdir(folder / "task"))
        except OSError:
            continue
    return count
