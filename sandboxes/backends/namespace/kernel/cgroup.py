"""Parent control group of a backend's sandboxes: limits and counts memory and processes.

Version 1 has a tree for each controller, version 2 one tree, in which a group that holds processes
has no groups below it with controllers: there a sandbox's group is a neighbour of this process's
own, below the nearest folder that hands both controllers down and lets us write.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import time
from dataclasses import dataclass

PREFIX = "envgym"
CONTROLLERS = ("memory", "pids")
_TRIES = 100  # to remove a group whose processes are ending


class NoCgroup(Exception):
    """No control group can be made here; the message gives the reason and the fix."""


@dataclass(frozen=True)
class Parent:
    """Parent folders of the sandboxes' control groups.

    Attributes:
        version: cgroup version, 1 or 2.
        folders: Folder by controller; version 2 has the same one twice.
    """

    version: int
    folders: dict[str, str]

    def open(self) -> dict[str, int]:
        """Open the folders; a process without /sys uses the descriptors."""
        return {name: os.open(path, os.O_PATH) for name, path in self.folders.items()}

    def clear(self) -> None:
        """Kill and remove the groups below, which a killed zygote left."""
        for path in set(self.folders.values()):
            for group in _groups_below(path):
                _end_group(group)

    def remove(self) -> None:
        """Remove the groups below and the folders themselves."""
        self.clear()
        for path in set(self.folders.values()):
            with contextlib.suppress(OSError):
                os.rmdir(path)


def make_parent(mounts: str = "/proc/self/mountinfo", own: str = "/proc/self/cgroup") -> Parent:
    """Make the parent folders for one backend's sandboxes.

    Raises:
        NoCgroup: There may be none.
    """
    name = f"{PREFIX}-{os.getpid()}-{secrets.token_hex(4)}"
    at = _mounted(mounts)
    path = _own_groups(own)
    if all(controller in at for controller in CONTROLLERS):
        return _make_v1(name, at, path)
    if "" in at:
        return _make_v2(name, at[""], path.get("", "/"))
    raise NoCgroup("no cgroup file system is mounted: mount cgroup2 at /sys/fs/cgroup")


def _make_v1(name: str, at: dict[str, str], path: dict[str, str]) -> Parent:
    folders: dict[str, str] = {}
    for controller in CONTROLLERS:
        root = at[controller]
        folder = f"{root}{path.get(controller, '/').rstrip('/')}/{name}"
        if not os.path.isdir(os.path.dirname(folder)):
            folder = f"{root}/{name}"  # in a container the mount is the group itself
        try:
            _clear_stale(os.path.dirname(folder))
            os.mkdir(folder)
        except OSError as error:
            for made in folders.values():
                os.rmdir(made)
            raise NoCgroup(f"{folder}: {error.strerror}: run as root, or delegate it") from error
        folders[controller] = folder
    return Parent(1, folders)


def _make_v2(name: str, root: str, own: str) -> Parent:
    why = f"no folder above {own} in {root} hands memory and pids down"
    while own != "/":
        own = os.path.dirname(own)
        above = root + own.rstrip("/")
        try:
            with open(f"{above}/cgroup.subtree_control") as file:
                handed = file.read().split()
            if not set(CONTROLLERS) <= set(handed):
                continue
            folder = f"{above}/{name}"
            _clear_stale(above)
            os.mkdir(folder)
            with open(f"{folder}/cgroup.subtree_control", "w") as file:
                file.write("+memory +pids")
        except OSError as error:
            why = f"{error.filename}: {error.strerror}"
            continue
        return Parent(2, dict.fromkeys(CONTROLLERS, folder))
    raise NoCgroup(f"{why}: run as root, or in `systemd-run --user --scope -p Delegate=yes`")


def _clear_stale(folder: str) -> None:
    """Remove the groups of backends whose processes were killed."""
    for path in _groups_below(folder):
        prefix, _, rest = os.path.basename(path).partition("-")
        pid = rest.partition("-")[0]
        if prefix == PREFIX and pid.isdigit() and not os.path.exists(f"/proc/{pid}"):
            Parent(2, {"": path}).remove()


def _mounted(mounts: str) -> dict[str, str]:
    """Mount points by controller; version 2 under ""."""
    found: dict[str, str] = {}
    with open(mounts) as file:
        for line in file:
            before, _, after = line.partition(" - ")
            place = before.split()[4]
            kind, _, options = after.split()[:3]
            if kind == "cgroup2":
                found.setdefault("", place)
            elif kind == "cgroup":
                for option in options.split(","):
                    found.setdefault(option, place)
    return found


def _own_groups(own: str) -> dict[str, str]:
    """Paths of this process's groups by controller; version 2 under ""."""
    found: dict[str, str] = {}
    with open(own) as file:
        for line in file:
            _, names, path = line.rstrip("\n").split(":", 2)
            for name in names.split(","):
                found[name] = path
    return found


def _groups_below(path: str) -> list[str]:
    try:
        return [entry.path for entry in os.scandir(path) if entry.is_dir()]
    except OSError:
        return []


def _end_group(path: str) -> None:
    for _ in range(_TRIES):
        with contextlib.suppress(OSError):
            os.rmdir(path)
            return
        with contextlib.suppress(OSError), open(f"{path}/cgroup.procs") as file:
            for pid in file.read().split():
                os.kill(int(pid), signal.SIGKILL)
        time.sleep(0.01)
