"""Counters of the sandbox's control group, read through descriptors opened before it was closed
off.

Inside the sandbox no control group is to be seen; its supervisor still reads these files. Without
them the numbers stay 0 and memory is watched by sampling.
"""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass
class CgroupCounters:
    """Descriptors of counter files, or None.

    Attributes:
        memory: File with a line ``oom_kill N`` (v1 ``memory.oom_control``, v2 ``memory.events``).
        processes: File with a line ``max N`` (``pids.events``).
    """

    memory: int | None = None
    processes: int | None = None

    def ooms(self) -> int:
        """Number of out-of-memory kills so far."""
        return _count(self.memory, b"oom_kill")

    def refusals(self) -> int:
        """Number of refused forks so far."""
        return _count(self.processes, b"max")


def _count(file: int | None, name: bytes) -> int:
    if file is None:
        return 0
    try:
        text = b"\n" + os.pread(file, 4096, 0)
    except OSError:
        return 0
    rest = text.partition(b"\n" + name + b" ")[2]
    return int(rest.partition(b"\n")[0] or 0)
