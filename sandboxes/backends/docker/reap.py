"""Removal of containers whose owner is dead, found by their label.

The owner is a process, named so that no later one is taken for it: the machine's boot, the process
namespace, the process id and its start time. One that cannot be judged from here (a live boot,
another namespace) is left alone.
"""

from __future__ import annotations

import os
from pathlib import Path

from envgym.sandboxes.backends.docker.engine import Engine

SANDBOX = "envgym.sandbox"
OWNER = "envgym.owner"


def labels() -> dict[str, str]:
    """Labels of this process's containers."""
    return {SANDBOX: "1", OWNER: owner(os.getpid())}


def owner(pid: int) -> str:
    """Unique name of a process: boot, namespace, id, start.

    Raises:
        OSError: There is no such process.
    """
    return " ".join([_boot(), _namespace(), str(pid), _start(pid)])


def is_dead(name: str) -> bool:
    """Return whether the owner of that name is certainly gone."""
    boot, namespace, pid, start = (*name.split(), "", "", "", "")[:4]
    if boot != _boot():
        return bool(boot)
    if namespace != _namespace() or not pid.isdecimal():
        return False
    try:
        return _start(int(pid)) != start
    except OSError:
        return True


async def reap(engine: Engine) -> int:
    """Remove every container of a dead owner; return the number removed.

    Raises:
        Fault: The engine is gone.
    """
    dead = [c["Id"] for c in await engine.list(SANDBOX) if is_dead(c["Labels"].get(OWNER, ""))]
    for container in dead:
        await engine.remove(container)
    return len(dead)


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _namespace() -> str:
    return os.readlink("/proc/self/ns/pid")


def _start(pid: int) -> str:
    """Start time of the process in clock ticks after boot; a zombie counts as gone."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    if fields[0] in "ZX":
        raise ProcessLookupError(pid)
    return fields[19]
