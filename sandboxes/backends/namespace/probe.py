"""Probe of the sandbox features of this machine, with the reason and the fix for missing ones.

Each mode is tried by running a program in it, not inferred from versions.
"""

from __future__ import annotations

import asyncio
import http.client
import os
import platform
import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from envgym.errors import EnvgymError, UsageError
from envgym.sandboxes.backends.namespace.backend import MODES, NamespaceBackend
from envgym.sandboxes.backends.namespace.kernel import landlock, syscalls
from envgym.sandboxes.backends.namespace.kernel.cgroup import NoCgroup, make_parent
from envgym.sandboxes.backends.namespace.kernel.seccomp import ARCHES

DOCKER_SOCKET = "/var/run/docker.sock"
_PROGRAM = "print(6 * 7)"


@dataclass(frozen=True)
class Finding:
    """One line of the probe.

    Attributes:
        name: Name of the feature, or ``namespace (MODE)`` and so on for a backend.
        there: Whether it can be used.
        detail: Version or reason, with the fix where it is missing.
    """

    name: str
    there: bool
    detail: str


def features() -> Iterator[Finding]:
    """Findings about single features of the kernel and the machine."""
    yield Finding("root", os.geteuid() == 0, f"user id {os.geteuid()}")
    yield Finding("kernel", True, f"{platform.system()} {platform.release()} {platform.machine()}")
    yield _user_namespaces()
    yield _seccomp()
    abi = landlock.version()
    why = f"version {abi}" if abi else "none: boot with lsm=landlock,…, on Linux 5.13 or newer"
    yield Finding("landlock", abi > 0, why)
    yield _groups()
    yield _docker()


def _read(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""


def _user_namespaces() -> Finding:
    """Kernel switches that turn user namespaces off for ordinary users."""
    for path, off, fix in (
        ("/proc/sys/kernel/unprivileged_userns_clone", "0", "=1"),
        ("/proc/sys/user/max_user_namespaces", "0", "=15000"),
        ("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1", "=0"),
    ):
        if _read(path) == off:
            name = path.removeprefix("/proc/sys/").replace("/", ".")
            why = f"{name}={off}: as root, `sysctl -w {name}{fix}`"
            return Finding("user namespaces", os.geteuid() == 0 and "max" not in path, why)
    if not os.path.exists("/proc/self/ns/user"):
        return Finding("user namespaces", False, "the kernel is built without them")
    number = _refusal()
    if number:
        why = f"{os.strerror(number)}: a container's seccomp profile forbids unshare"
        return Finding("user namespaces", False, why)
    return Finding("user namespaces", True, "a process has just made one")


def _refusal() -> int:
    """Error number of making a user namespace in a child process; 0 if it succeeds."""
    pid = os.fork()
    if pid == 0:
        try:
            syscalls.unshare(syscalls.NEWUSER)
            os._exit(0)
        except OSError as error:
            os._exit(error.errno or 1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _seccomp() -> Finding:
    actions = _read("/proc/sys/kernel/seccomp/actions_avail")
    if platform.machine() not in ARCHES:
        return Finding("seccomp", False, f"no table of {platform.machine()}'s system calls")
    if "kill_process" not in actions:
        return Finding("seccomp", False, "no filters that kill: Linux 4.14 or newer has them")
    return Finding("seccomp", True, actions)


def _groups() -> Finding:
    try:
        parent = make_parent()
    except NoCgroup as error:
        why = f"{error}; without, memory is held for each process and sampled"
        return Finding("control groups", False, why)
    parent.remove()
    return Finding("control groups", True, f"version {parent.version}: memory, pids")


def _docker() -> Finding:
    where = os.environ.get("DOCKER_HOST", f"unix://{DOCKER_SOCKET}")
    if not where.startswith("unix://"):
        return Finding("docker engine", False, f"DOCKER_HOST={where}: only unix:// is asked here")
    path = where.removeprefix("unix://")
    connection = http.client.HTTPConnection("localhost", timeout=2)
    try:
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(2)
        connection.sock.connect(path)
        connection.request("GET", "/_ping")
        answer = connection.getresponse()
        version = answer.getheader("Server") or f"HTTP {answer.status}"
        return Finding("docker engine", answer.status == 200, version)
    except OSError as error:
        fix = "start dockerd" if shutil.which("dockerd") else "install docker.io and start dockerd"
        return Finding("docker engine", False, f"{path}: {error.strerror or error}: {fix}")
    finally:
        connection.close()


async def backends() -> list[Finding]:
    """Findings about every mode of the namespace backend and about Docker."""
    return list(await asyncio.gather(*(tried(mode) for mode in MODES)))


async def tried(mode: str) -> Finding:
    """Finding about a mode, from running a program in it."""
    name = f"namespace ({mode})"
    try:
        backend = NamespaceBackend(mode)
    except UsageError as error:
        return Finding(name, False, str(error))
    try:
        result = await backend.run_python(_PROGRAM)
    except EnvgymError as error:
        return Finding(name, False, str(error))
    finally:
        await backend.close()
    if result.text != "42\n":
        return Finding(name, False, f"a program ended with {result.outcome}: {result.error_text}")
    return Finding(name, True, backend.isolation)
