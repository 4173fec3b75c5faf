"""How a program in a box ended: typed, so that no caller guesses from an exit code."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """One of eight endings. The first seven are the program's own; the last is nobody's fault."""

    OK = "OK"  # ended by itself with exit code 0
    RE = "RE"  # ended with another exit code, or died of its own signal
    TLE = "TLE"  # used up its wall-clock or processor time
    MLE = "MLE"  # used up its memory
    OLE = "OLE"  # wrote more than its output limit
    PLE = "PLE"  # wanted more processes than its limit, and failed
    DENIED = "DENIED"  # did what no program in a box may do, and was killed for it
    INFRA = "INFRA"  # the sandbox broke: raised as a `Fault`, never returned


@dataclass(frozen=True)
class Result:
    """What a program did.

    Attributes:
        outcome: Never INFRA: that is a `Fault`, which the rollout layer retries.
        exit_code: Exit code, or minus the signal's number; None where it was killed for a limit.
        stdout: Standard output, at most ``Limits.output_bytes``, as written.
        stderr: Standard error, likewise.
        wall_s: Seconds by the clock.
        cpu_s: Processor seconds of the program and the children it waited for.
        memory_bytes: Peak resident memory of its largest process; 0 where nobody measured.
        detail: One line on why, where the outcome alone does not say.
    """

    outcome: Outcome
    exit_code: int | None
    stdout: bytes = b""
    stderr: bytes = b""
    wall_s: float = 0.0
    cpu_s: float = 0.0
    memory_bytes: int = 0
    detail: str = ""

    @property
    def ok(self) -> bool:
        """Whether it ended well."""
        return self.outcome is Outcome.OK

    @property
    def text(self) -> str:
        """Standard output as text; bytes that are no UTF-8 become U+FFFD."""
        return self.stdout.decode("utf-8", "replace")

    @property
    def error_text(self) -> str:
        """Standard error as text, likewise."""
        return self.stderr.decode("utf-8", "replace")
