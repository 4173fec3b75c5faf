"""Control group of a fork server: created, entered, limited anew for each sandbox, removed.

Moving a process into a group waits for the whole machine (10 ms under load), so the fork server
moves once and its sandboxes are born there. It uses descriptors only, because the sandboxes' root
has no /sys.
"""

from __future__ import annotations

import contextlib
import os

from envgym.sandboxes.supervisor.cgroup_counters import CgroupCounters

_OURS = 2  # tasks of the group beside the programs: fork server and supervisor
_MEMORY = {1: "memory.limit_in_bytes", 2: "memory.max"}
_KILLS = {1: "memory.oom_control", 2: "memory.events"}
_USED = {1: "memory.usage_in_bytes", 2: "memory.current"}


class ForkServerCgroup:
    """Control group that holds one fork server and its sandbox.

    Args:
        name: Name of its folder.
        parents: Descriptors of the parent folders, by controller.
        version: cgroup version, 1 or 2.

    Attributes:
        counters: Counters of out-of-memory kills and refused forks; they only grow.
        used: Descriptor of the file with its current memory use in bytes.

    Raises:
        OSError: The kernel refuses the group.
    """

    def __init__(self, name: str, parents: dict[str, int], version: int) -> None:
        self._name = name
        self._version = version
        self._parents = parents
        self._limited: tuple[int, int] | None = None
        self._folders = [*parents.values()][: 2 if version == 1 else 1]
        for parent in self._folders:
            os.mkdir(name, dir_fd=parent)
        memory = os.open(f"{name}/{_KILLS[version]}", os.O_RDONLY, dir_fd=parents["memory"])
        refusals = os.open(f"{name}/pids.events", os.O_RDONLY, dir_fd=parents["pids"])
        self.counters = CgroupCounters(memory, refusals)
        self.used = os.open(f"{name}/{_USED[version]}", os.O_RDONLY, dir_fd=parents["memory"])

    def enter(self) -> None:
        """Move this process, and with it all its future children, into the group."""
        for parent in self._folders:
            self._write(parent, "cgroup.procs", "0")

    def limit(self, memory_bytes: int, processes: int) -> None:
        """Set the limits of the next sandbox."""
        if self._limited == (memory_bytes, processes):
            return
        memory = self._parents["memory"]
        # Version 1 keeps memory with swap at or above memory: one order to raise, one to lower.
        self._limit_swap(memory, memory_bytes)
        self._write(memory, _MEMORY[self._version], str(memory_bytes))
        self._limit_swap(memory, memory_bytes)
        self._write(self._parents["pids"], "pids.max", str(processes + _OURS))
        self._limited = (memory_bytes, processes)

    def _limit_swap(self, parent: int, memory_bytes: int) -> None:
        with contextlib.suppress(OSError):  # a kernel without swap, or without its accounting
            if self._version == 1:
                self._write(parent, "memory.memsw.limit_in_bytes", str(memory_bytes))
            else:
                self._write(parent, "memory.swap.max", "0")

    def _write(self, parent: int, name: str, text: str) -> None:
        _write_at(parent, f"{self._name}/{name}", text)


def remove_group(name: str, parents: dict[str, int]) -> None:
    """Remove the control group of a fork server that has ended."""
    for parent in parents.values():
        with contextlib.suppress(OSError):  # version 2 has one folder for both
            os.rmdir(name, dir_fd=parent)


def _write_at(parent: int, path: str, text: str) -> None:
    file = os.open(path, os.O_WRONLY, dir_fd=parent)
    try:
        os.write(file, text.encode())
    finally:
        os.close(file)
