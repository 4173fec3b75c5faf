"""Namespaces that outlive a sandbox: made once per fork server, used by its sandboxes in turn.

Making and clearing away a network namespace takes the kernel longer than all else a sandbox is made
of. Once the last process of a sandbox has ended nothing of it is left in these: sockets ended with
it, and none of it could change an interface, a route, the host name or the user map.
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import struct

from envgym.sandboxes.backends.namespace.kernel import syscalls
from envgym.sandboxes.backends.namespace.kernel.mounts import NAME, USER

FORK_SERVERS = 4096
"""Fork servers of one zygote at a time, hence sandboxes."""
_FIRST_ID = 0x70000000  # user ids that neither people nor subordinate ranges nor systemd are given
_ZYGOTES = 32768
_IDS = 2  # of one sandbox: its supervisor's and its programs'
_SIOCSIFFLAGS, _IFF_UP = 0x8914, 1


def base_id(server: int, zygote: int) -> int:
    """First user id of a fork server's sandboxes; no other zygote of this machine uses it."""
    return _FIRST_ID + (zygote % _ZYGOTES * FORK_SERVERS + server) * _IDS


def enter_common() -> None:
    """Enter a network with loopback alone, a host name, and a cgroup namespace."""
    syscalls.unshare(syscalls.NEWNET | syscalls.NEWUTS | syscalls.NEWCGROUP)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", _IFF_UP))
    syscalls.sethostname(NAME)


def make_user_namespace(base: int | None) -> int:
    """Make a user namespace below this process's own and return it as an open file.

    Args:
        base: The user ids outside that its 0 and `USER` are; None: `USER` is this process's own.

    Raises:
        OSError: The kernel refuses it.
    """
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        _hold(theirs)
    os.close(theirs)
    try:
        said = os.read(ours, 256)
        if said != b"ready":
            number, _, text = said.decode().partition(" ")
            raise OSError(int(number or 0), text or "the process that makes namespaces ended")
        maps = f"{USER} 0 1\n" if base is None else f"0 {base} 1\n{USER} {base + 1} 1\n"
        for name in ("uid_map", "gid_map"):
            with open(f"/proc/{pid}/{name}", "w") as file:
                file.write(maps)
        return os.open(f"/proc/{pid}/ns/user", os.O_RDONLY)
    finally:
        os.close(ours)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _hold(pipe: int) -> None:
    """Make the namespace in a child process and keep it until another process holds it."""
    try:
        syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
        syscalls.unshare(syscalls.NEWUSER)
        os.write(pipe, b"ready")
        while True:
            signal.pause()
    except OSError as error:
        os.write(pipe, f"{error.errno} {error.strerror}".encode())
    finally:
        os._exit(1)
