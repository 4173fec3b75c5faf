"""Landlock: restrict a process to named files, without any privilege (kernel 5.13).

Restrictions that a kernel's version lacks are left out. Callers that need one (signals and abstract
sockets: 6) check `version`.
"""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Iterable

from envgym.sandboxes.backends.namespace.kernel import syscalls

_CREATE, _ADD, _RESTRICT = 444, 445, 446
_VERSION = 1  # LANDLOCK_CREATE_RULESET_VERSION
_BENEATH = 1  # LANDLOCK_RULE_PATH_BENEATH

_EXECUTE, _WRITE, _READ, _LIST = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_TRUNCATE, _DEVICE_IOCTL = 1 << 14, 1 << 15
_OF_FILES = _EXECUTE | _WRITE | _READ | _TRUNCATE | _DEVICE_IOCTL
_BITS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}  # how many access rights each version knows
SCOPES = 6
"""First version that keeps signals and abstract sockets inside."""


def version() -> int:
    """The kernel's Landlock ABI; 0 where it has none or it is switched off."""
    try:
        return syscalls.syscall(_CREATE, None, 0, _VERSION)
    except OSError:
        return 0


def restrict(readable: Iterable[str], writable: Iterable[str], devices: Iterable[str]) -> None:
    """Restrict this process, and all its children, to these paths and those below.

    No TCP port may be bound or connected either (version 4), and no process outside be signalled
    nor its abstract sockets be reached (version 6). The process must have no_new_privs.

    Args:
        readable: Read and execute; those that do not exist are left out.
        writable: All rights.
        devices: Read and write, as files.

    Raises:
        OSError: The kernel has no Landlock.
    """
    abi = version()
    known = (1 << _BITS.get(abi, 16)) - 1
    attributes = struct.pack("=QQQ", known, 3 if abi >= 4 else 0, 3 if abi >= SCOPES else 0)
    size = 24 if abi >= SCOPES else 16 if abi >= 4 else 8
    rules = syscalls.syscall(_CREATE, attributes[:size], size, 0)
    try:
        for path in readable:
            _allow(rules, path, (_EXECUTE | _READ | _LIST) & known)
        for path in writable:
            _allow(rules, path, known & ~_DEVICE_IOCTL)
        for path in devices:
            _allow(rules, path, _READ | _WRITE)
        syscalls.syscall(_RESTRICT, rules, 0)
    finally:
        os.close(rules)


def _allow(rules: int, path: str, rights: int) -> None:
    try:
        file = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(file).st_mode):
            rights &= _OF_FILES
        syscalls.syscall(_ADD, rules, _BENEATH, struct.pack("=Qi", rights, file), 0)
    finally:
        os.close(file)
