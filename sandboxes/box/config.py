"""What a backend tells a box's supervisor when it starts it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from envgym.sandboxes.box.meters import Meters


def _free() -> None:
    """Hold nothing: for a backend whose programs are trusted, or confined from outside."""


@dataclass
class BoxConfig:
    """A box as its supervisor sees it.

    Attributes:
        workdir: The working directory.
        owner: User and group of programs and files; None leaves the supervisor's own.
        env: Environment of programs.
        held_outside: Whether the kernel holds memory and processes of the whole box (a control
            group); otherwise resource limits and sampling do, for each program.
        count_processes: Whether RLIMIT_NPROC counts this box alone: its user has no other process.
        meters: The control group's counters.
        confine: Called last before a program's first instruction, in its process.
    """

    workdir: str = "/box"
    owner: tuple[int, int] | None = None
    env: dict[str, str] = field(default_factory=dict)
    held_outside: bool = False
    count_processes: bool = False
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
