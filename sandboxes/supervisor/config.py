"""Configuration of a sandbox's supervisor, from the backend that starts it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from envgym.sandboxes.supervisor.cgroup_counters import CgroupCounters


def _free() -> None:
    """Confine nothing: for trusted programs, or programs confined from outside."""


@dataclass
class BoxConfig:
    """Configuration of a sandbox.

    Attributes:
        workdir: Working directory.
        owner: User and group of programs and files; None keeps the supervisor's own.
        env: Environment of programs.
        held_memory: Memory limit of the sandbox's control group in bytes, which counts its kills; 0
            without one: resource limits and sampling apply, per program.
        held_processes: Process limit of the control group, which counts refused forks; 0 as above.
        count_processes: Whether RLIMIT_NPROC limits them: it counts all processes of their user.
        beside: Tasks of the programs' user that belong to no program.
        filtered: Whether `confine` installs a filter that kills for a system call.
        counters: Counters of the control group.
        confine: Last call in a program's process before its first instruction.
    """

    workdir: str = "/box"
    owner: tuple[int, int] | None = None
    env: dict[str, str] = field(default_factory=dict)
    held_memory: int = 0
    held_processes: int = 0
    count_processes: bool = False
    beside: int = 0
    filtered: bool = False
    counters: CgroupCounters = field(default_factory=CgroupCounters)
    confine: Callable[[], None] = _free

    def environment(self, more: dict[str, str] | None = None) -> dict[str, str]:
        """Initial environment variables of a program."""
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": self.workdir,
            "LANG": "C.UTF-8",
            "TMPDIR": "/tmp",
            **self.env,
            **(more or {}),
        }
