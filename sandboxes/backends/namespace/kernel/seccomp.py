"""System call filter of the programs in a sandbox.

Three answers. What no honest program does (tracing others, mounting, new namespaces, keys, kernel
modules) kills it at once: the outcome is DENIED. What honest programs probe for fails with the
error that they are ready for. All the rest is allowed: namespaces, limits and the missing
capabilities hold it.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import signal
import struct
from functools import cache

from envgym.sandboxes.backends.namespace.kernel import bpf, syscalls
from envgym.sandboxes.backends.namespace.kernel.bpf import ALLOW, KILL, Rule, Test, errno_action
from envgym.sandboxes.backends.namespace.kernel.syscall_numbers import LAST, NUMBERS

ARCHES = {"x86_64": (0xC000003E, 0, 0x40000000), "aarch64": (0xC00000B7, 1, None)}
"""AUDIT_ARCH constant, column in `NUMBERS`, first number of the x32 calls."""


def _names(text: str) -> list[str]:
    return text.split()


_KILLED = _names(
    """
    acct add_key bpf chroot clock_adjtime clock_settime create_module delete_module finit_module
    fsconfig fsmount fsopen fspick init_module ioperm iopl kcmp kexec_file_load kexec_load
    keyctl mount mount_setattr move_mount open_by_handle_at open_tree perf_event_open
    pidfd_getfd pivot_root process_vm_readv process_vm_writev ptrace reboot request_key
    setdomainname sethostname setns settimeofday swapoff swapon umount2 unshare userfaultfd
    """
)
_REFUSED = _names(
    """
    adjtimex fanotify_init fanotify_mark migrate_pages move_pages name_to_handle_at
    process_madvise quotactl quotactl_fd syslog vhangup
    """
)
# clone3 hides its flags behind a pointer; without it the C library falls back to clone.
_ABSENT = _names(
    """
    _sysctl clone3 io_uring_enter io_uring_register io_uring_setup lookup_dcookie memfd_secret
    modify_ldt nfsservctl sysfs uselib ustat
    """
)
# Who watches the system's files, which all sandboxes and the machine share, sees when others use
# them.
_WATCHES = _names("cachestat inotify_add_watch inotify_init inotify_init1")
_BY_PATH = _names(
    """
    chmod chown fchmodat fchmodat2 fchownat file_setattr futimesat lchown lremovexattr lsetxattr
    removexattr removexattrat setxattr setxattrat utime utimensat utimes
    """
)
# By the argument that is the signal. SIGSYS is the filter's own word: DENIED.
_SIGNALS = {
    "kill": 1,
    "pidfd_send_signal": 1,
    "rt_sigqueueinfo": 1,
    "rt_tgsigqueueinfo": 2,
    "tgkill": 2,
    "tkill": 1,
}
_SHARED = _names("mq_open msgget semget shmget")  # found by name, from any sandbox

_NAMESPACES = (
    syscalls.NEWNS
    | syscalls.NEWCGROUP
    | syscalls.NEWUTS
    | syscalls.NEWIPC
    | syscalls.NEWUSER
    | syscalls.NEWPID
    | syscalls.NEWNET
)
_UNIX, _INET, _INET6 = 1, 2, 10
_STREAM, _DATAGRAM, _SEQPACKET = 1, 2, 5
_TCP, _UDP = 6, 17
_SETSIG, _SETLEASE, _NOTIFY = 10, 1024, 1026  # of fcntl: the last two tell of others' use of a file
_SYSCALL_DISPATCH = 59  # of prctl: it, too, sends SIGSYS
_TIOCSTI, _TIOCLINUX, _TIOCSETD = 0x5412, 0x541C, 0x5423
_FILTER = 2  # SECCOMP_MODE_FILTER
_PERMISSION = errno_action(errno.EPERM)
_FAMILY = errno_action(errno.EAFNOSUPPORT)
_PROTOCOL = errno_action(errno.EPROTONOSUPPORT)


def _self_only(argument: int) -> tuple[Test, ...]:
    """Require the caller itself as the named process.

    In a one-user sandbox the supervisor has the same user.
    """
    return (Test(argument, _PERMISSION, values=(0,)),)


@cache
def rules(
    own_namespaces: bool, owns_host_files: bool = False, memory_cgroup: bool = True
) -> dict[str, Rule]:
    """Filter rule by system call name.

    Args:
        own_namespaces: Whether the sandbox has its own namespaces, so that TCP, UDP and named
            shared memory reach only itself. If not, socket pairs alone are allowed, because a
            filter cannot see the destination of a socket.
        owns_host_files: Whether the programs' user owns files outside. Landlock protects their
            contents, but not their modes, owners, times and attributes.
        memory_cgroup: Whether a control group limits memory; no other limit covers files in memory.
    """
    # Of IP only TCP and UDP: rarer protocols are code of the kernel that a sandbox has no need of.
    sockets = (
        Test(0, _FAMILY, values=(_UNIX, _INET, _INET6)),
        Test(1, _PROTOCOL, values=(_STREAM, _DATAGRAM, _SEQPACKET), mask=0xF),
        Test(2, _PROTOCOL, values=(0, _UNIX, _TCP, _UDP)),
    )
    found: dict[str, Rule] = dict.fromkeys(_KILLED, KILL)
    found |= dict.fromkeys(_REFUSED, _PERMISSION)
    found |= dict.fromkeys((*_ABSENT, *_WATCHES), errno_action(errno.ENOSYS))
    found |= {
        name: (Test(argument, _PERMISSION, banned=(signal.SIGSYS,)),)
        for name, argument in _SIGNALS.items()
    }
    if not own_namespaces:
        found |= dict.fromkeys(_SHARED, _PERMISSION)
    if not memory_cgroup:
        found["memfd_create"] = errno_action(errno.ENOSYS)
    if owns_host_files:
        found |= dict.fromkeys(_BY_PATH, _PERMISSION)
    found |= {
        "clone": (
            Test(0, KILL, clear=_NAMESPACES),
            Test(0, _PERMISSION, banned=(signal.SIGSYS,), mask=0xFF),  # its end's, to its parent
        ),
        "fcntl": (Test(1, _PERMISSION, banned=(_SETSIG, _SETLEASE, _NOTIFY)),),
        "socket": sockets if own_namespaces else _FAMILY,
        "socketpair": (Test(0, _FAMILY, values=(_UNIX,)),),
        "ioctl": (Test(1, _PERMISSION, banned=(_TIOCSTI, _TIOCLINUX, _TIOCSETD)),),
        "personality": (Test(0, _PERMISSION, values=(0, 0xFFFFFFFF)),),
        "prctl": (
            Test(0, _PERMISSION, banned=(_SYSCALL_DISPATCH,)),
            Test(0, ALLOW, values=(syscalls.PR_SET_DUMPABLE,)),
            Test(1, errno_action(0), values=(1,)),  # hiding from the supervisor: not done
        ),
        "prlimit64": _self_only(0),
        "sched_setaffinity": _self_only(0),
        "sched_setattr": _self_only(0),
        "sched_setparam": _self_only(0),
        "sched_setscheduler": _self_only(0),
        "setpriority": (Test(0, _PERMISSION, values=(0,)), *_self_only(1)),
        "ioprio_set": (Test(0, _PERMISSION, values=(1,)), *_self_only(1)),
    }
    return found


@cache
def program(
    own_namespaces: bool = True,
    owns_host_files: bool = False,
    memory_cgroup: bool = True,
    machine: str = platform.machine(),
) -> bytes:
    """The filter in the kernel's format: 8 bytes per instruction."""
    arch, column, x32_from = ARCHES[machine]
    by_number = {
        NUMBERS[name][column]: rule
        for name, rule in rules(own_namespaces, owns_host_files, memory_cgroup).items()
    }
    numbered = {number: rule for number, rule in by_number.items() if number is not None}
    return bpf.assemble(arch, numbered, x32_from, LAST)


def install(code: bytes) -> None:
    """Apply a filter to this process, and all its children, for good.

    Raises:
        OSError: The kernel has no seccomp filters, or the process may still gain privileges.
    """
    handle, _ = prepared(code)
    syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)
    syscalls.prctl(syscalls.PR_SET_SECCOMP, _FILTER, ctypes.addressof(handle))


@cache
def prepared(code: bytes) -> tuple[ctypes.Array[ctypes.c_char], ctypes.Array[ctypes.c_char]]:
    """The kernel's filter header, and the buffer that it points to."""
    buffer = ctypes.create_string_buffer(code, len(code))
    header = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(buffer))
    return ctypes.create_string_buffer(header, len(header)), buffer
