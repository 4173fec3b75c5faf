"""What a box needs that is costly to make and clean after use: a user and a network namespace.

Making and clearing away a network namespace takes the kernel longer than all else a box is made
of (1.2 ms against 0.1 ms to enter one that is there). Once the last process of a box has ended
nothing of it is left in either: sockets ended with it, and none of it could change an interface, a
route or the user map. So they are kept, and the next box gets them.
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import struct
from dataclasses import dataclass

from envgym.sandboxes.namespace import syscalls
from envgym.sandboxes.namespace.mounts import USER

MOST = 4096
"""Boxes of one zygote at a time."""
_FIRST_ID = 0x70000000  # user ids that neither people nor subordinate ranges nor systemd are given
_ZYGOTES = 32768
_IDS = 2  # of one box: its supervisor's and its programs'
_SIOCSIFFLAGS, _IFF_UP = 0x8914, 1


@dataclass(frozen=True)
class Slot:
    """Namespaces for one box at a time.

    Attributes:
        user: Descriptor of the user namespace.
        net: Descriptor of the network namespace, in which loopback is up.
        base: First of the box's user ids outside; None where it has the caller's alone.
    """

    user: int
    net: int
    base: int | None

    @property
    def owner(self) -> tuple[int, int]:
        """User and group of its programs, as the zygote counts them."""
        return (0, 0) if self.base is None else (self.base + 1, self.base + 1)


def base_id(index: int, zygote: int | None = None) -> int:
    """First user id of a slot: its own, also beside other zygotes of this machine."""
    mine = (os.getpid() if zygote is None else zygote) % _ZYGOTES
    return _FIRST_ID + (mine * MOST + index) * _IDS


def make_slot(base: int | None) -> Slot:
    """New namespaces, owned by the zygote's own user namespace.

    Raises:
        OSError: The kernel refuses one.
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
        user = os.open(f"/proc/{pid}/ns/user", os.O_RDONLY)
        return Slot(user, os.open(f"/proc/{pid}/ns/net", os.O_RDONLY), base)
    finally:
        os.close(ours)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _hold(pipe: int) -> None:
    """In a process of its own: make the namespaces and keep them until they are held by others."""
    try:
        syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
        syscalls.unshare(syscalls.NEWNET)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", _IFF_UP))
        syscalls.unshare(syscalls.NEWUSER)
        os.write(pipe, b"ready")
        while True:
            signal.pause()
    except OSError as error:
        os.write(pipe, f"{error.errno} {error.strerror}".encode())
    finally:
        os._exit(1)
