"""System calls missing from Python's standard library, through the C library, with errors as
``OSError``.
"""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import struct

_LIBC = ctypes.CDLL(None, use_errno=True)

_CLONE_VM, _CLONE_FILES = 0x100, 0x400
_IGNORED = ctypes.c_void_p(1)  # SIG_IGN
_PAUSE = ctypes.cast(_LIBC.pause, ctypes.c_void_p)
_STACK = ctypes.create_string_buffer(1 << 14)

NEWNS = 0x00020000
NEWCGROUP = 0x02000000
NEWUTS = 0x04000000
NEWIPC = 0x08000000
NEWUSER = 0x10000000
NEWPID = 0x20000000
NEWNET = 0x40000000

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
MNT_DETACH = 2

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_SECCOMP = 22
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 47, 4

_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_ATTR_RDONLY, _ATTR_NOSUID, _ATTR_NODEV = 1, 2, 4
_CAP_VERSION = 0x20080522

# Calls without a C library function, by machine; those from 424 on have one number everywhere.
_X86 = platform.machine() in ("x86_64", "AMD64")
PIVOT_ROOT = 155 if _X86 else 41
CAPSET = 126 if _X86 else 91
MOUNT_SETATTR = 442


def syscall(number: int, *args: object) -> int:
    """Make any system call; integers are passed as 64 bits."""
    wide = [ctypes.c_long(a) if isinstance(a, int) else a for a in args]
    return _checked(_LIBC.syscall(ctypes.c_long(number), *wide))


def unshare(flags: int) -> None:
    """Make new namespaces for this process; NEWPID applies to its next child."""
    _checked(_LIBC.unshare(flags))


def fork_idle() -> int:
    """Start an idle process that reaps its adopted children until it is killed.

    It shares this one's memory and descriptors, so that there is nothing to copy and to clear away;
    of what it shares it touches a stack of its own, and there is one such process at a time.
    """
    top = ctypes.c_void_p((ctypes.addressof(_STACK) + len(_STACK)) & -16)
    flags = _CLONE_VM | _CLONE_FILES | signal.SIGCHLD
    _LIBC.signal(signal.SIGCHLD, _IGNORED)  # the kernel then reaps for it
    try:
        return _checked(_LIBC.clone(_PAUSE, top, flags, None))
    finally:
        _LIBC.signal(signal.SIGCHLD, None)


def setns(file: int, kind: int) -> None:
    """Enter the namespace of an open file."""
    _checked(_LIBC.setns(file, kind))


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    """Mount, bind or change propagation, as ``mount(2)``."""
    _checked(
        _LIBC.mount(
            source.encode(),
            target.encode(),
            kind.encode() or None,
            ctypes.c_ulong(flags),
            options.encode() or None,
        ),
        target,
    )


def umount(target: str, flags: int = MNT_DETACH) -> None:
    """Unmount, by default at once (lazily for its users)."""
    _checked(_LIBC.umount2(target.encode(), flags), target)


def pivot_root(new: str, old: str) -> None:
    """Make `new` the root and put the former one at `old`."""
    syscall(PIVOT_ROOT, new.encode(), old.encode())


def make_readonly(path: str, below: bool = True, nodev: bool = True) -> None:
    """Make a mount, and those below it, read-only, without setuid programs, without devices."""
    wanted = _ATTR_RDONLY | _ATTR_NOSUID | (_ATTR_NODEV if nodev else 0)
    attributes = struct.pack("=QQQQ", wanted, 0, 0, 0)
    flags = _AT_RECURSIVE if below else 0
    syscall(MOUNT_SETATTR, _AT_FDCWD, path.encode(), flags, attributes, len(attributes))


def prctl(option: int, value: object = 0, third: int = 0) -> int:
    """Call ``prctl(2)``; integers are passed as unsigned longs."""
    second = ctypes.c_ulong(value) if isinstance(value, int) else value
    zero = ctypes.c_ulong(0)
    return _checked(_LIBC.prctl(option, second, ctypes.c_ulong(third), zero, zero))


def sethostname(name: str) -> None:
    """Set the host name of the UTS namespace."""
    _checked(_LIBC.sethostname(name.encode(), ctypes.c_size_t(len(name))))


def drop_capabilities() -> None:
    """Drop every capability for good: effective, permitted, inheritable, ambient."""
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    syscall(CAPSET, struct.pack("=Ii", _CAP_VERSION, 0), bytes(24))


def empty_bounding_set() -> None:
    """Prevent programs started by this process or its descendants from gaining capabilities."""
    number = 0
    while _LIBC.prctl(PR_CAPBSET_DROP, number, 0, 0, 0) == 0:  # up to the last the kernel knows
        number += 1


def _checked(result: int, path: str | None = None) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), path)
    return result
