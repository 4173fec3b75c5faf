"""Scan of ``/proc``: surviving processes, and resources of the host, across namespaces."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
_SLACK = 8  # descriptors and processes of warm sandboxes come and go; a leak adds up past it
_MEMORY_SLACK = 128 << 20


def survivors(token: str) -> list[str]:
    """Processes that bear the token in their name, command line or environment."""
    mark = token.encode()
    return [f"process {process.name}" for process in _processes() if _bears(process, mark)]


def _bears(process: Path, mark: bytes) -> bool:
    for name in ("comm", "cmdline", "environ"):
        with suppress(OSError):
            if mark in (process / name).read_bytes():
                return not _zombie(process)
    return False


def _zombie(process: Path) -> bool:
    """Return whether a process is dead and waits for its parent; it then holds only its number."""
    return _state(process)[0] in "ZX"


def _state(process: Path) -> list[str]:
    """State, parent and so on, in the order of `proc_pid_stat(5)` after the name; dead if gone."""
    with suppress(OSError):
        return (process / "stat").read_text().rpartition(")")[2].split()
    return ["X", "0"]


def _processes() -> Iterator[Path]:
    return (PROC / name for name in os.listdir(PROC) if name.isdigit())


def _descendants() -> list[Path]:
    """Descendants of this process, zombies too: no backend may leave those."""
    parents = {process: int(_state(process)[1]) for process in _processes()}
    family = {os.getpid()}
    found: list[Path] = []
    grown = True
    while grown:
        more = [p for p, parent in parents.items() if parent in family and p not in found]
        grown = bool(more)
        found += more
        family |= {int(process.name) for process in more}
    return found


@dataclass(frozen=True)
class ResourceUsage:
    """Resources of the host process and its helpers.

    Attributes:
        files: Number of open descriptors of this process.
        helpers: Number of descendants: zygotes, supervisors.
        helper_files: Number of their descriptors, as far as this user may see them.
        resident: Resident bytes of this process.
    """

    files: int
    helpers: int
    helper_files: int
    resident: int

    @classmethod
    def measure(cls) -> ResourceUsage:
        """Measure now."""
        helpers = _descendants()
        pages = int((PROC / "self/statm").read_text().split()[1])
        return cls(
            files=_count(PROC / "self"),
            helpers=len(helpers),
            helper_files=sum(map(_count, helpers)),
            resident=pages * os.sysconf("SC_PAGE_SIZE"),
        )

    def growth_since(self, base: ResourceUsage, slack: int = _SLACK) -> list[str]:
        """Growth since `base` beyond the variation of a warm backend."""
        found = []
        for name in ("files", "helpers", "helper_files"):
            more = getattr(self, name) - getattr(base, name)
            if more > slack * (4 if name == "helper_files" else 1):
                found.append(f"{name}: {more} more")
        if (more := self.resident - base.resident) > _MEMORY_SLACK:
            found.append(f"memory: {more >> 20} MiB more")
        return found


def _count(process: Path) -> int:
    with suppress(OSError):
        return len(os.listdir(process / "fd"))
    return 0
