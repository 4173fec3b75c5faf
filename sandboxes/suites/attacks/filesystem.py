"""Attacks on files: forbidden writes, exhaustion of the disk, reads of the host's files."""

from __future__ import annotations

from collections.abc import Awaitable
from contextlib import suppress

from envgym.errors import UsageError
from envgym.sandboxes.outcome import Outcome
from envgym.sandboxes.suites.assertions import require_outcome, require_within
from envgym.sandboxes.suites.attack_context import SMALL, AttackContext
from envgym.sandboxes.suites.attacks.attack import Attack, program, scene

MLE, OK, RE, TLE = Outcome.MLE, Outcome.OK, Outcome.RE, Outcome.TLE

_BRIEF = SMALL.model_copy(update={"wall_s": 1.5})

ATTACKS: list[Attack] = [
    program(
        "sparse_terabyte",
        21,
        "a file of a terabyte with nothing in it",
        """
file = os.open("big", os.O_RDWR | os.O_CREAT)
def sparse():
    os.ftruncate(file, 1 << 40)
    return os.fstat(file).st_size
def allocated():
    os.posix_fallocate(file, 0, 1 << 40)
    return os.fstat(file).st_size
def far():
    os.pwrite(file, b"x", 1 << 40)
    return os.fstat(file).st_size
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
for act in (sparse, allocated, far): tries(act.__name__, act)
""",
    ),
    program(
        "disk_bomb",
        21,
        "fills the disk with files that are each small enough",
        """
total = 0
try:
    for number in range(64):
        with open(f"file-{number}", "wb", 0) as file:
            total += file.write(b"x" * HOST["limits"]["file_bytes"])
except OSError: pass
(leak if total > HOST["limits"]["disk_bytes"] else safe)("bytes", total)
""",
    ),
    program(
        "file_after_death",
        21,
        "fills the disk with files that have lost their name",
        """
total, hoard = 0, []
try:
    for number in range(48):
        hoard.append(open("nameless", "wb", 0))
        os.unlink("nameless")
        total += hoard[-1].write(b"x" * HOST["limits"]["file_bytes"])
except OSError: pass
(leak if total > HOST["limits"]["disk_bytes"] else safe)("bytes", total)
""",
    ),
    program(
        "canaries",
        38,
        "reads, changes and removes files of the host by their names",
        """
for path in HOST["canaries"]:
    tries("read", lambda: open(path).read())
    tries("write", lambda: open(path, "a").write(TOKEN))
    tries("mode", lambda: [os.chmod(path, 0o777)])
    tries("rename", lambda: [os.rename(path, path + TOKEN)])
    tries("create", lambda: open(os.path.dirname(path) + "/" + TOKEN, "w").write(TOKEN))
    tries("list", lambda: os.listdir(os.path.dirname(path)))
""",
    ),
    program(
        "read_only_root",
        38,
        "writes to the system, to the Python installation, to profiles",
        """
import sysconfig
folders = ["/", "/bin", "/boot", "/etc", "/etc/cron.d", "/home", "/lib", "/opt", "/root", "/sbin",
    "/sys", "/sys/fs/cgroup", "/usr", "/usr/bin", "/usr/local/bin", "/usr/lib", "/var", "/var/lib",
    "/proc", sys.prefix, os.path.dirname(os.__file__), HOST["cwd"], HOST["home"],
    *sysconfig.get_paths().values(), *(path for path in sys.path[1:] if os.path.isdir(path))]
own = os.path.realpath(os.getcwd())
for folder in dict.fromkeys(map(os.path.realpath, folders)):
    if folder == own or folder.startswith(own + "/"): continue
    path = f"{folder}/{TOKEN}"
    tries(folder, lambda: open(path, "x").close() or os.unlink(path) or path)
for path in ("/etc/passwd", "/etc/hosts", "/etc/ld.so.cache", "/bin/sh", os.__file__,
             sys.executable or "/usr/bin/python3"):
    tries(path, lambda: os.close(os.open(path, os.O_WRONLY)) or path)
    tries(path, lambda: [os.utime(path, ns=(os.stat(path).st_atime_ns, os.stat(path).st_mtime_ns))])
""",
    ),
    program(
        "secrets_at_home",
        38,
        "reads what only the host's user may read",
        """
for path in ("/etc/shadow", "/etc/gshadow", "/etc/sudoers", HOST["home"] + "/.ssh/id_rsa",
             "/root/.bash_history", "/var/log/auth.log", "/var/log/btmp"):
    tries(path, lambda: open(path, "rb").close() or "may be read")
tries(HOST["home"], lambda: [n for n in os.listdir(HOST["home"]) if HOST["prefix"] in n] or None)
""",
    ),
    program(
        "devices",
        42,
        "opens the devices of the host, and makes its own",
        """
for name in ("mem", "kmem", "port", "kmsg", "vda", "vda1", "sda", "sda1", "nvme0n1", "dm-0",
             "loop0", "loop-control", "kvm", "fuse", "net/tun", "vsock", "vhost-net",
             "vhost-vsock", "nvidia0", "nvidiactl", "dri/card0", "dri/renderD128",
             "snd/seq", "input/event0", "uinput", "userfaultfd", "hpet", "rtc0",
             "mapper/control", "btrfs-control", "vcs"):
    tries(name, lambda: os.open("/dev/" + name, os.O_RDONLY | os.O_NONBLOCK))
for name, kind, number in (("zero", stat.S_IFCHR, os.makedev(1, 1)), ("disk", stat.S_IFBLK,
                           os.makedev(254, 0)), ("disk2", stat.S_IFBLK, os.makedev(8, 0))):
    def make():
        os.mknod(name, kind | 0o600, number)
        try: return os.open(name, os.O_RDONLY)
        finally: os.unlink(name)
    tries("own " + name, make)
""",
    ),
    program(
        "hidden_files_of_proc",
        29,
        "opens the kernel's own memory and switches",
        """
for path in ("/proc/kcore", "/proc/kmsg", "/proc/kpagecount", "/proc/kpageflags",
             "/proc/vmallocinfo", "/proc/timer_list", "/proc/slabinfo",
             "/sys/firmware/dmi/tables/DMI", "/dev/kmsg"):
    tries(path, lambda: os.read(os.open(path, os.O_RDONLY | os.O_NONBLOCK), 64) or None)
for path in ("/proc/sysrq-trigger", "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe",
             "/proc/sys/vm/drop_caches", "/proc/sys/kernel/randomize_va_space",
             "/proc/sys/fs/file-max",
             "/proc/sys/kernel/hostname", "/proc/sys/net/ipv4/ip_forward", "/proc/sys/kernel/panic",
             "/proc/sys/fs/binfmt_misc/register", "/sys/kernel/uevent_helper", "/sys/power/state",
             "/sys/fs/cgroup/cgroup.procs", "/sys/fs/cgroup/release_agent", "/proc/bus/pci/devices",
             "/sys/fs/cgroup/memory/release_agent", "/proc/acpi/wakeup", "/proc/1/oom_score_adj"):
    tries(path, lambda: os.open(path, os.O_WRONLY))
def addresses():
    with open("/proc/kallsyms") as symbols: return int(symbols.readline().split()[0], 16) or None
tries("addresses of the kernel", addresses)
""",
    ),
    program(
        "own_executable",
        29,
        "overwrites the program it runs in, and that of its parents",
        """
for number in ("self", os.getppid(), 1):
    tries(f"{number}/exe", lambda: os.open(f"/proc/{number}/exe", os.O_WRONLY))
    tries(f"{number}/exe", lambda: os.open(f"/proc/{number}/exe", os.O_RDWR | os.O_APPEND))
""",
    ),
    program(
        "other_processes",
        29,
        "looks into other processes through /proc",
        """
def looks(number, name):
    with open(f"/proc/{number}/{name}", "rb", 0) as file:
        return file.read(1 << 16)
seen = [number for number in processes() if number != os.getpid()]
for number in seen:
    for name in ("environ", "cmdline"):
        try: found = looks(number, name)
        except OSError: continue
        if HOST["prefix"].encode() in found: leak(f"{name} of {number}", HOST["prefix"])
for number in {os.getppid(), 1}:
    for name in ("environ", "maps", "mem", "auxv", "syscall", "stack"):
        tries(f"{name} of {number}", lambda: looks(number, name) or None)
    for name in ("root", "cwd", "fd", "ns/mnt"):
        tries(f"{name} of {number}", lambda: os.listdir(f"/proc/{number}/{name}")
              if name != "ns/mnt" else os.open(f"/proc/{number}/{name}", os.O_RDONLY))
safe("looked", len(seen))
""",
    ),
]


@scene(ATTACKS, 22, "as many empty files as there may be", ends="its own", limits=_BRIEF)
async def inode_bomb(context: AttackContext) -> None:
    code = """
safe("starts")
os.mkdir("many")
try:
    for number in range(1_000_000): open(f"many/{number}", "w").close()
except OSError: pass
"""
    await context.python(code, OK, TLE, MLE, RE)
    box = await context.box()
    await _tidied(box.snapshot())
    require_outcome(await box.exec(["true"]), OK)
    async with require_within("closing a box of many files", 10):
        await box.close()


@scene(ATTACKS, 22, "folders in folders, ten thousand deep", ends="its own", limits=_BRIEF)
async def deep_folders(context: AttackContext) -> None:
    code = """
safe("starts")
try:
    for _ in range(10_000):
        os.mkdir("d")
        os.chdir("d")
except OSError: pass
"""
    await context.python(code, OK, TLE, MLE, RE)
    box = await context.box()
    await _tidied(box.snapshot())
    require_outcome(await box.exec(["true"]), OK)
    async with require_within("closing a box of deep folders", 10):
        await box.close()


@scene(ATTACKS, 22, "names and modes that are hard to remove", ends="OK, and removed")
async def hard_to_remove(context: AttackContext) -> None:
    code = r"""
os.makedirs("locked/inner")
for name in (b"\\xff\\xfe", b"new\\nline", b"-rf", b"*", b"\\x1b[2J", b"n" * 255, b" ", b"..."):
    open(b"locked/inner/" + name, "w").close()
os.symlink("loop", "loop")
os.symlink("/", "root")
os.link("locked/inner/-rf", "second name")
os.mkfifo("pipe")
os.chmod("locked/inner", 0)
os.chmod("locked", 0)
safe("made")
"""
    await context.python(code, says=["SAFE"])
    box = await context.box()
    await _tidied(box.snapshot())
    async with require_within("closing it", 10):
        await box.close()


async def _tidied(call: Awaitable[bytes]) -> None:
    """Take a snapshot that may be too large; it ends well or with an error that says so."""
    async with require_within("a snapshot", 10):
        with suppress(UsageError):
            await call
