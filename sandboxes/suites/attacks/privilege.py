"""Attacks for privileges: root, forbidden system calls, other namespaces."""

from __future__ import annotations

from envgym.sandboxes.outcome import Outcome
from envgym.sandboxes.suites.attack_context import SMALL
from envgym.sandboxes.suites.attacks.attack import Attack, program

DENIED, OK = Outcome.DENIED, Outcome.OK

_SYSCALLS = """
MACHINE = os.uname().machine
NUMBERS = {
    "add_key": (248, 217), "keyctl": (250, 219), "bpf": (321, 280), "perf_event_open": (298, 241),
    "userfaultfd": (323, 282), "io_uring_setup": (425, 425), "kexec_load": (246, 104),
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106),
    "swapon": (167, 224), "acct": (163, 89), "quotactl": (179, 60),
    "sethostname": (170, 161), "setdomainname": (171, 162), "syslog": (103, 116),
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51),
    "unshare": (272, 97), "setns": (308, 268), "clone": (56, 220), "clone3": (435, 435),
    "open_by_handle_at": (304, 265), "fsopen": (430, 430), "open_tree": (428, 428),
    "move_mount": (429, 429), "mount_setattr": (442, 442), "fanotify_init": (300, 262),
    "process_vm_readv": (310, 270), "pidfd_getfd": (438, 438), "pidfd_open": (434, 434),
    "kcmp": (312, 272), "setuid": (105, 146), "setgid": (106, 144), "setgroups": (116, 159),
    "setresuid": (117, 147), "vhangup": (153, 58), "personality": (135, 92),
}
LIBC.syscall.restype = ctypes.c_long
def syscall(name, *args):
    number = NUMBERS[name][MACHINE == "aarch64"]
    args = [ctypes.c_char_p(a) if isinstance(a, bytes) else ctypes.c_long(a)
            if isinstance(a, int) else a for a in args]
    ctypes.set_errno(0)
    found = LIBC.syscall(ctypes.c_long(number), *args)
    return found, ctypes.get_errno()
REFUSED = (errno.EPERM, errno.EACCES, errno.ENOSYS)
def blocked(name, *args, also=()):
    '''LEAK unless the kernel, or a filter before it, refuses the call as such.'''
    found, why = syscall(name, *args)
    if found == -1 and why in (*REFUSED, *also): safe(name, os.strerror(why))
    else: leak(name, found if found != -1 else "reached the kernel: " + os.strerror(why))
"""


def _calls(id: str, number: int | None, title: str, code: str, *, harmless: bool = True) -> Attack:
    return program(id, number, title, _SYSCALLS + code, OK, DENIED, says=(), harmless=harmless)


_LEGACY = """
import mmap
if MACHINE != "x86_64": raise SystemExit(safe("no such interface"))
def native(*code):
    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(bytes(code))
    address = ctypes.addressof(ctypes.c_char.from_buffer(page))
    return ctypes.CFUNCTYPE(ctypes.c_int)(address)()
def old(number, first):
    # push rbx; mov eax, number; mov ebx, first; xor ecx, ecx; xor edx, edx; int 0x80; pop rbx; ret
    return native(0x53, 0xB8, *number.to_bytes(4, "little"), 0xBB, *first.to_bytes(4, "little"),
                  0x31, 0xC9, 0x31, 0xD2, 0xCD, 0x80, 0x5B, 0xC3)
if os.fork() == 0:
    # keyctl(KEYCTL_GET_KEYRING_ID, 0) and io_uring_setup(0): EPERM and ENOSYS mean a filter
    for name, number, first in (("keyctl", 288, 0), ("io_uring_setup", 425, 0)):
        found = old(number, first)
        (safe if -found in REFUSED else leak)(f"32-bit {name}", found)
    os._exit(0)
os.wait()
for name, number in (("keyctl", 250), ("io_uring_setup", 425)):
    if os.fork() == 0:
        found = LIBC.syscall(ctypes.c_long(0x40000000 | number), 0, 0)
        (safe if found == -1 and ctypes.get_errno() in REFUSED else leak)(f"x32 {name}", found)
        os._exit(0)
    os.wait()
safe("asked")
"""

ATTACKS: list[Attack] = [
    program(
        "who_it_is",
        36,
        "is root, or holds a capability, or may gain one",
        """
if 0 in (*os.getresuid(), *os.getresgid(), *os.getgroups()): leak("root", os.getresuid())
header = (ctypes.c_uint32 * 2)(0x20080522, 0)
held = (ctypes.c_uint32 * 6)()
LIBC.capget(header, held)
(leak if any(held) else safe)("capabilities", list(held))
(safe if LIBC.prctl(39, 0, 0, 0, 0) == 1 else leak)("no_new_privs")
""",
    ),
    program(
        "becomes_root",
        36,
        "asks to be root, in every way there is",
        """
for name in ("setuid", "seteuid", "setgid", "setegid"): tries(name, lambda: [getattr(os, name)(0)])
tries("setresuid", lambda: [os.setresuid(0, 0, 0)])
tries("setgroups", lambda: [os.setgroups([0])])
tries("chown", lambda: [os.chown(os.open("file", os.O_CREAT | os.O_RDWR), 0, 0)])
(leak if LIBC.prctl(47, 2, 21, 0, 0) == 0 else safe)("an ambient capability")
""",
    ),
    program(
        "setuid_programs",
        36,
        "runs every setuid program of the system",
        """
import subprocess
for command in (["su", "-c", "id -u"], ["sudo", "-n", "id", "-u"], ["pkexec", "id", "-u"],
                ["newgrp", "root"], ["mount", "-t", "tmpfs", "none", "/mnt"],
                ["fusermount", "-u", "/"], ["unshare", "-Ur", "id", "-u"],
                ["chroot", "/", "id", "-u"], ["passwd", "-d", "root"]):
    try: ran = subprocess.run(command, stdin=-3, capture_output=True, timeout=1)
    except (OSError, subprocess.TimeoutExpired) as error: safe(command[0], error)
    else: (leak if ran.returncode == 0 else safe)(command[0], ran.stdout + ran.stderr)
own = os.getcwd() + "/own"
import shutil
shutil.copy("/usr/bin/id", own)
try: os.chmod(own, 0o6755)
except OSError as error: safe("setuid bit", error)
tries("own setuid file", lambda: subprocess.run([own, "-u"], capture_output=True).stdout == b"0\\n"
      or None)
""",
        limits=SMALL.model_copy(update={"wall_s": 20.0}),
        harmless=False,
    ),
    _calls(
        "namespaces",
        36,
        "makes namespaces of its own, in which it would be root",
        """
for flag in (0x10000000, 0x10000000 | 0x00020000 | 0x20000000, 0x00020000, 0x20000000, 0x40000000):
    if os.fork() == 0:
        blocked("unshare", flag, also=(errno.ENOSPC,))
        os._exit(0)
    os.wait()
class CloneArgs(ctypes.Structure):
    _fields_ = [(n, ctypes.c_uint64) for n in "flags pidfd ctid ptid signal stack size tls".split()]
arguments = CloneArgs(flags=0x10000000, signal=17)
parent = os.getpid()
for name, args in (("clone", (0x10000000 | 17, 0, 0, 0, 0)),
                   ("clone3", (ctypes.byref(arguments), ctypes.sizeof(arguments)))):
    found, why = syscall(name, *args)
    if os.getpid() != parent or found == 0: os._exit(0)
    if found > 0: os.waitpid(found, 0)
    (leak if found > 0 else safe)(name, found)
for kind in ("mnt", "pid", "net", "ipc", "uts", "user", "cgroup"):
    for number in (1, HOST["pid"]):
        try: file = os.open(f"/proc/{number}/ns/{kind}", os.O_RDONLY)
        except OSError as error: safe(kind, error)
        else:
            if os.readlink(f"/proc/{number}/ns/{kind}") != os.readlink(f"/proc/self/ns/{kind}"):
                leak(kind, "another's namespace")
            blocked("setns", file, 0, also=(errno.EINVAL,))
""",
    ),
    _calls(
        "mounts",
        36,
        "mounts, remounts, pivots and changes its root",
        """
os.makedirs("old", exist_ok=True)
blocked("mount", b"none", b"old", b"tmpfs", 0, 0)
blocked("mount", b"/", b"old", 0, 4096, 0)
blocked("mount", b"none", b"/", 0, 32 | 4096, 0)
blocked("mount", b"proc", b"old", b"proc", 0, 0)
blocked("umount2", b"/proc", 2)
blocked("pivot_root", b".", b"old")
blocked("chroot", b"old")
blocked("fsopen", b"tmpfs", 0)
blocked("open_tree", -100, b"/", 1)
blocked("move_mount", -100, b"/", -100, b"old", 0)
blocked("mount_setattr", -100, b"/", 0, 0, 0)
""",
        harmless=False,
    ),
    _calls(
        "file_handles",
        36,
        "opens files by their inode, as the container escape called Shocker did",
        """
class Handle(ctypes.Structure):
    _fields_ = [("size", ctypes.c_uint), ("kind", ctypes.c_int), ("inode", ctypes.c_uint64)]
handle = Handle(8, 1, 2)  # of most file systems, the root
blocked("open_by_handle_at", os.open(".", os.O_RDONLY), ctypes.byref(handle), 0)
""",
    ),
    _calls(
        "kernel_doors",
        32,
        "calls that open wide doors into the kernel: io_uring, bpf, keys, modules",
        """
blocked("io_uring_setup", 1, 0)
blocked("bpf", 0, 0, 0)
blocked("perf_event_open", 0, 0, -1, -1, 0)
blocked("userfaultfd", 0)
blocked("add_key", b"user", b"name", b"data", 4, -3)
blocked("keyctl", 0, -3, 0)
blocked("keyctl", 1, 0)
blocked("fanotify_init", 0, 0)
blocked("syslog", 3, 0, 0)
""",
    ),
    _calls(
        "kernel_machinery",
        None,
        "loads modules, another kernel, swaps, accounts, names",
        """
blocked("kexec_load", 0, 0, 0, 0)
blocked("init_module", 0, 0, b"")
blocked("finit_module", 0, b"", 0)
blocked("delete_module", b"none", 0)
blocked("swapon", b"/dev/null", 0)
blocked("acct", b"/dev/null")
blocked("quotactl", 0, b"/dev/null", 0, 0)
blocked("sethostname", TOKEN.encode(), len(TOKEN))
blocked("setdomainname", TOKEN.encode(), len(TOKEN))
blocked("vhangup")
""",
        harmless=False,
    ),
    _calls("legacy_calls", 32, "the same doors by the 32-bit and x32 interfaces", _LEGACY),
    _calls(
        "other_memory",
        19,
        "reads its parent's memory and takes its descriptors",
        """
class Piece(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]
buffer = ctypes.create_string_buffer(8)
own = Piece(ctypes.addressof(buffer), 8)
theirs = Piece(id(os), 8)  # at the same address, where the parent is what this was forked from
for number in (os.getppid(), 1):
    blocked("process_vm_readv", number, ctypes.byref(own), 1, ctypes.byref(theirs), 1, 0)
    handle, why = syscall("pidfd_open", number, 0)
    if handle < 0: safe("pidfd_open", os.strerror(why))
    else:
        for file in range(3, 20): blocked("pidfd_getfd", handle, file, 0, also=(errno.EBADF,))
""",
    ),
    program(
        "terminal",
        37,
        "types into the terminal of whoever started it",
        """
import fcntl, termios
for file in (0, 1, 2): (leak if os.isatty(file) else safe)("a terminal", file)
tries("/dev/tty", lambda: os.open("/dev/tty", os.O_RDWR))
for file in (0, 1, 2):
    tries("TIOCSTI", lambda: [fcntl.ioctl(file, termios.TIOCSTI, b"x")])
    tries("TIOCLINUX", lambda: [fcntl.ioctl(file, 0x541C, b"\\x03")])
tries("console", lambda: os.open("/dev/console", os.O_RDWR | os.O_NOCTTY))
""",
    ),
]
