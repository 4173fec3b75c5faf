"""One box's control group, from inside the zygote: made, limited, entered, read, removed.

All by descriptors, for the zygote's root has no /sys.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass

_SUPERVISOR = 1  # a task of the group that is no program's

_FILES = {
    1: {
        "memory": ("memory.limit_in_bytes", "memory.oom_control"),
        "pids": ("pids.max", "pids.events"),
    },
    2: {"memory": ("memory.max", "memory.events"), "pids": ("pids.max", "pids.events")},
}
# Without these a program that is at its limit would go on in swap; where there is none they fail.
_SWAP = {1: "memory.memsw.limit_in_bytes", 2: "memory.swap.max"}


@dataclass
class Group:
    """A box's group.

    Attributes:
        name: Of its folder.
        parents: Descriptors of the folders that it is in, by controller.
        version: 1 or 2.
        memory: Descriptor of the file that counts kills for memory.
        processes: Descriptor of the file that counts refused forks.
    """

    name: str
    parents: dict[str, int]
    version: int
    memory: int
    processes: int

    def enter(self) -> None:
        """Put this process into it, and with it all that it will start."""
        for parent in self._distinct():
            _write(parent, f"{self.name}/cgroup.procs", "0")

    def close(self) -> None:
        """Let go of the counters, and remove the folder; its processes must have ended."""
        os.close(self.memory)
        os.close(self.processes)
        for parent in self._distinct():
            with contextlib.suppress(OSError):
                os.rmdir(self.name, dir_fd=parent)

    def _distinct(self) -> list[int]:
        return list(self.parents.values())[: 2 if self.version == 1 else 1]


def make_group(
    name: str, parents: dict[str, int], version: int, memory_bytes: int, processes: int
) -> Group:
    """Make a box's group with its limits.

    Raises:
        OSError: The kernel refuses.
    """
    limits = {"memory": str(memory_bytes), "pids": str(processes + _SUPERVISOR)}
    counters = {}
    for i, (controller, parent) in enumerate(parents.items()):
        if version == 1 or i == 0:
            os.mkdir(name, dir_fd=parent)
        limit, counter = _FILES[version][controller]
        _write(parent, f"{name}/{limit}", limits[controller])
        if controller == "memory":
            with contextlib.suppress(OSError):
                swap = limits[controller] if version == 1 else "0"
                _write(parent, f"{name}/{_SWAP[version]}", swap)
        counters[controller] = os.open(f"{name}/{counter}", os.O_RDONLY, dir_fd=parent)
    return Group(name, parents, version, counters["memory"], counters["pids"])


def _write(parent: int, path: str, text: str) -> None:
    file = os.open(path, os.O_WRONLY, dir_fd=parent)
    try:
        os.write(file, text.encode())
    finally:
        os.close(file)
