"""What a backend tells a box's supervisor when it starts it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from envgym.sandboxes.supervisor.cgroup_counters import Meters


def _free() -> None:
    """Hold nothing: for a backend whose programs are trusted, or confined from outside."""


@dataclass
class BoxConfig:
    """A box as its supervisor sees it.

    Attributes:
        workdir: The working directory.
        owner: User and group of programs and files; None leaves the supervisor's own.
        env: Environment of programs.
        held_memory: Bytes to which a control group holds the whole box, and counts whom it kills
            for more; 0: resource limits and sampling do, for each program.
        held_processes: Processes to which one holds it, and counts the forks it refuses; 0: as
            above.
        count_processes: Whether RLIMIT_NPROC holds them: it counts all that their user has.
        beside: Tasks of the programs' user that are no program's.
        filtered: Whether `confine` installs a filter that kills for a system call.
        meters: The control group's counters.
        confine: Called last before a program's first instruction, in its process.
    """

    workdir: str = "/box"
    owner: tuple[int, int] | None = None
    env: dict[str, str] = field(default_factory=dict)
    held_memory: int = 0
    held_processes: int = 0
    count_processes: bool = False
    beside: int = 0
    filtered: bool = False
    meters: Meters = field(default_factory=Meters)
    confine: Callable[[], None] = _free

    def environment(self, more: dict[str, str] | None = None) -> dict[str, str]:
        """The variables a program starts with."""
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": self.workdir,
            "LANG": "C.UTF-8",
            "TMPDIR": "/tmp",
            **self.env,
            **(more or {}),
        }
