"""Root file system of sandboxes: built once from read-only parts of the machine, copied by each.

The zygote moves into it for good. What is not named here (homes, /var, /run, other disks, sockets
of daemons) is not hidden in a sandbox: it was never there. A sandbox then adds its own few mounts.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Sequence

from envgym.sandboxes.backends.namespace.kernel import syscalls
from envgym.sandboxes.backends.namespace.kernel.syscalls import (
    MS_BIND,
    MS_NODEV,
    MS_NOEXEC,
    MS_NOSUID,
    MS_RDONLY,
    MS_REC,
)

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
SETTINGS = (
    "/etc/alternatives",
    "/etc/ca-certificates.conf",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/protocols",
    "/etc/services",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/timezone",
)
"""Paths that are copied: a bind mount of each would slow down every sandbox."""
DEVICES = ("null", "zero", "full", "random", "urandom")
NAME = "box"
USER = 1000
_WRITTEN = {
    "passwd": f"root:x:0:0::/:/usr/sbin/nologin\n{NAME}:x:{USER}:{USER}::/box:/bin/bash\n"
    "nobody:x:65534:65534::/:/usr/sbin/nologin\n",
    "group": f"root:x:0:\n{NAME}:x:{USER}:\nnogroup:x:65534:\n",
    "hosts": f"127.0.0.1 localhost {NAME}\n::1 localhost\n",
    "hostname": f"{NAME}\n",
    "nsswitch.conf": "".join(
        f"{kind}: files\n" for kind in ("passwd", "group", "hosts", "services", "protocols")
    ),
    "resolv.conf": "",
}
_OWN = "/.own"  # where a sandbox's one tmpfs is mounted
_PLACES = {f"{_OWN}/box": "/box", f"{_OWN}/tmp": "/tmp", f"{_OWN}/shm": "/dev/shm"}
NEW_PROC = "/new/proc"
INODE_BYTES = 8192
"""Disk bytes per inode of a sandbox: empty files take the kernel's memory."""


def build_root(readable: Sequence[str]) -> None:
    """Move this process into the template root; needs its own mount namespace.

    Args:
        readable: Files and folders beside the system's that sandboxes may read, at the same place.

    Raises:
        OSError: The kernel refuses a mount.
    """
    sources = {path: _real_place(path) for path in (*SYSTEM, *outermost(readable))}
    syscalls.mount("none", "/", flags=syscalls.MS_PRIVATE | MS_REC)
    syscalls.mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755")
    os.mkdir("/tmp/old")
    syscalls.pivot_root("/tmp", "/tmp/old")  # /tmp of the machine is in sight again, as /old/tmp
    os.mkdir("/new")
    syscalls.mount("tmpfs", "/new", "tmpfs", MS_NOSUID, "mode=0755")
    for path in SETTINGS:
        _copy(path)
    for path, source in sources.items():
        _bring(source, path)
    _write_settings()
    _make_places()
    os.chdir("/new")
    syscalls.pivot_root(".", ".")
    syscalls.umount(".")
    os.chdir("/")


def outermost(paths: Sequence[str]) -> list[str]:
    """Outermost of the given paths: those that lie in none of the others."""
    found: list[str] = []
    for path in sorted({os.path.normpath(path) for path in paths}):
        if not found or not path.startswith(found[-1] + "/"):
            found.append(path)
    return found


def _real_place(path: str) -> str:
    """The path with no symbolic link above its last name."""
    return os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))


def _bring(source: str, path: str) -> None:
    """Bind a path of the machine read-only into the new root; a link stays a link."""
    source, target = "/old" + source, "/new" + path
    try:
        mode = os.lstat(source).st_mode
    except OSError:
        return
    if os.path.lexists(target):
        return  # it, or what it lies in, is there already
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if stat.S_ISLNK(mode):
        os.symlink(os.readlink(source), target)
        return
    if stat.S_ISDIR(mode):
        os.mkdir(target)
    else:
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
    syscalls.mount(source, target, flags=MS_BIND | MS_REC)
    syscalls.make_readonly(target)


def _copy(path: str) -> None:
    """Copy a file, or a folder's files and links, into the new root."""
    source, target = "/old" + path, "/new" + path
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if os.path.isdir(source) and not os.path.islink(source):
        os.makedirs(target, exist_ok=True)
        for name in os.listdir(source):
            _copy(f"{path}/{name}")
    elif os.path.lexists(source):
        with contextlib.suppress(OSError):  # one that only the machine's owner may read
            shutil.copyfile(source, target, follow_symlinks=False)


def _write_settings() -> None:
    os.makedirs("/new/etc", exist_ok=True)
    for name, text in _WRITTEN.items():
        with open(f"/new/etc/{name}", "w") as file:
            file.write(text)


def _make_places() -> None:
    """Make empty folders for a sandbox's own mounts, devices, and the zygote's /proc.

    A kernel lets an ordinary user mount a /proc only where a whole one is in sight already, as the
    machine's is now and the zygote's will be; a sandbox's own covers it.
    """
    for name in (_OWN, "/dev", "/proc", *_PLACES.values()):
        os.makedirs("/new" + name, exist_ok=True)  # what is shown below /tmp is there already
    os.chmod("/new" + _OWN, 0o700)
    for device in DEVICES:
        os.close(os.open(f"/new/dev/{device}", os.O_CREAT | os.O_WRONLY, 0o666))
        syscalls.mount(f"/old/dev/{device}", f"/new/dev/{device}", flags=MS_BIND)
    for name, target in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        os.symlink(f"/proc/self/fd{target}", f"/new/dev/{name}")
    syscalls.mount("proc", NEW_PROC, "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)


def seal_root() -> None:
    """Make the template read-only, once the zygote has added its last file."""
    syscalls.make_readonly("/", below=False, nodev=False)


def mount_own(
    disk_bytes: int, owner: tuple[int, int] | None, below_tmp: Sequence[str] = ()
) -> None:
    """Mount a sandbox's own file systems: one tmpfs for all writable paths, its own /proc.

    Args:
        disk_bytes: Room in the tmpfs.
        owner: User and group of the folders, as this process counts them; None: its own.
        below_tmp: Paths of the template that are covered by the sandbox's own folder and shown in
            it.
    """
    flags = MS_NOSUID | MS_NODEV
    options = f"size={disk_bytes},nr_inodes={disk_bytes // INODE_BYTES},mode=0700"
    syscalls.mount("tmpfs", _OWN, "tmpfs", flags, options)
    before = os.umask(0)
    for folder, place in _PLACES.items():
        os.mkdir(folder, 0o755 if place == "/box" else 0o1777)
        if owner is not None:
            os.chown(folder, *owner)
    os.umask(before)
    for path in below_tmp:
        _show(path, f"{_OWN}{path}")
    for folder, place in _PLACES.items():
        syscalls.mount(folder, place, flags=MS_BIND | MS_REC)
    syscalls.mount("proc", "/proc", "proc", flags | MS_NOEXEC | MS_RDONLY, "hidepid=2")
    syscalls.mount("/dev/null", "/proc/cmdline", flags=MS_BIND)  # the machine's own business


def _show(path: str, target: str) -> None:
    """Show a path of the template at another place, as read-only as it is there."""
    if os.path.islink(path):
        os.makedirs(os.path.dirname(target), 0o755, exist_ok=True)
        os.symlink(os.readlink(path), target)
        return
    if os.path.isdir(path):
        os.makedirs(target, 0o755, exist_ok=True)
    elif os.path.exists(path):
        os.makedirs(os.path.dirname(target), 0o755, exist_ok=True)
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
    else:
        return
    syscalls.mount(path, target, flags=MS_BIND | MS_REC)
