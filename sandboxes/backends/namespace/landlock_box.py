"""Sandboxes without namespaces, for machines whose kernel grants none (a default container).

They are weaker and never chosen automatically.

Landlock leaves a program its own folder to write and the system's to read; the filter leaves it no
socket but pairs; as root, it runs as a user that nobody else is. It still shares the machine's
process ids, can tell which paths exist, and its disk is bounded file by file alone.
"""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

from envgym.sandboxes.backends.namespace.box_parent import BoxParent
from envgym.sandboxes.backends.namespace.kernel import landlock, mounts, seccomp, syscalls
from envgym.sandboxes.backends.namespace.kernel.identity import keep_only, prefer_for_oom_kill
from envgym.sandboxes.backends.namespace.messages import tell
from envgym.sandboxes.backends.namespace.settings import BoxSettings
from envgym.sandboxes.supervisor import processes
from envgym.sandboxes.supervisor.cgroup_counters import CgroupCounters
from envgym.sandboxes.supervisor.child.launch import adopt_orphans
from envgym.sandboxes.supervisor.config import BoxConfig
from envgym.sandboxes.supervisor.streams.channel import Channel
from envgym.sandboxes.supervisor.supervisor import Supervisor

_READABLE = (*mounts.SYSTEM, *mounts.SETTINGS, "/etc/passwd", "/etc/group", "/etc/nsswitch.conf")
_DEVICES = tuple(f"/dev/{name}" for name in mounts.DEVICES)


def check_landlock(base: int | None) -> None:
    """Check that this process can start Landlock sandboxes.

    Raises:
        OSError: It cannot; the message names the fix.
    """
    needed = landlock.SCOPES if base is None else 1
    if landlock.version() < needed:
        why = f"Landlock {needed} is needed, this kernel has {landlock.version()}"
        raise OSError(errno.ENOSYS, f"{why}: as root any Linux from 5.13 on has it, else 6.12")
    adopt_orphans()
    kill_box_processes(base)


def be_landlock_box(server: BoxParent, box: BoxSettings, link: int) -> None:
    """Become the supervisor of a sandbox without namespaces; never return."""
    own = server.landlock_folder(box.id)
    try:
        try:
            syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
            prefer_for_oom_kill()
            owner = None if server.base is None else (server.base + 1,) * 2
            for folder in (own, own / "box", own / "tmp"):
                folder.mkdir(0o700)
                if owner is not None:
                    os.chown(folder, *owner)
            syscalls.empty_bounding_set()
            syscalls.prctl(syscalls.PR_SET_DUMPABLE, 0)
        except OSError as error:
            tell(server.control, {"error": str(error)})
            return
        tell(server.control, {"opened": box.id})
        config = BoxConfig(
            workdir=str(own / "box"),
            owner=owner,
            env={"TMPDIR": str(own / "tmp"), **server.settings.env},
            held_memory=server.config.held_memory,
            held_processes=server.config.held_processes,
            count_processes=True,
            beside=_tasks_of(os.getuid()) if owner is None else 0,
            filtered=True,
            confine=lambda: _confine(str(own), server),
        )
        link, config.counters = keep_only(
            link, server.group.counters if server.group else CgroupCounters()
        )
        Supervisor(Channel(link, link), config).serve()
    finally:
        os._exit(0)


def kill_box_processes(base: int | None) -> None:
    """Kill a sandbox's remaining processes: by user id where that is its own, and by descent."""
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
    """Remove a sandbox's folder, at any depth."""
    subprocess.run(["rm", "-rf", "--", str(path)], check=False, stderr=subprocess.DEVNULL)


def _kill_user(uid: int) -> None:
    """Become that user in a child process, and kill all of its processes but this one."""
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


def _confine(own: str, server: BoxParent) -> None:
    syscalls.prctl(syscalls.PR_SET_DUMPABLE, 1)
    syscalls.drop_capabilities()
    syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)
    landlock.restrict([*_READABLE, *server.settings.readable], [own], _DEVICES)
    memory_cgroup = server.group is not None
    seccomp.install(
        seccomp.program(
            own_namespaces=False, owns_host_files=server.base is None, memory_cgroup=memory_cgroup
        )
    )


def _tasks_of(uid: int) -> int:
    """Number of threads of all processes of a user, as RLIMIT_NPROC counts them."""
    count = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if folder.stat().st_uid == uid:
                count += len(os.listdir(folder / "task"))
        except OSError:
            continue
    return count
