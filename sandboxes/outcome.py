"""Outcome of a program in a sandbox: typed, so that no caller guesses from an exit code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter, ValidationError

from envgym.errors import Fault
from envgym.utils.validation_text import first_problem


class Outcome(StrEnum):
    """Eight possible endings: seven of the program itself, and INFRA."""

    OK = "OK"  # ended by itself with exit code 0
    RE = "RE"  # ended with another exit code, or died of its own signal
    TLE = "TLE"  # used up its wall-clock or processor time
    MLE = "MLE"  # used up its memory
    OLE = "OLE"  # wrote more than its output limit
    PLE = "PLE"  # wanted more processes than its limit, and failed
    DENIED = "DENIED"  # did what no program in a sandbox may do, and was killed for it
    INFRA = "INFRA"  # the sandbox broke: raised as a `Fault`, never returned


@dataclass(frozen=True)
class Result:
    """Result of one program.

    Attributes:
        outcome: Never INFRA, which is raised as a `Fault` and retried by the rollout layer.
        exit_code: Exit code, or minus the signal's number; None after a kill for a limit.
        stdout: Standard output as bytes, at most ``Limits.output_bytes``.
        stderr: Standard error, likewise.
        wall_s: Wall-clock seconds.
        cpu_s: CPU seconds of the program and its waited-for children.
        memory_bytes: Peak resident memory of its largest process; 0 if not measured.
        detail: One line of explanation, where the outcome alone is not enough.
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
        """Return whether the outcome is OK."""
        return self.outcome is Outcome.OK

    @property
    def text(self) -> str:
        """Standard output as text; invalid UTF-8 becomes U+FFFD."""
        return self.stdout.decode("utf-8", "replace")

    @property
    def error_text(self) -> str:
        """Standard error as text, likewise."""
        return self.stderr.decode("utf-8", "replace")


_RESULT = TypeAdapter(Result)


def read_result(report: Mapping[str, Any], outputs: Sequence[bytes]) -> Result:
    """Validate a sandbox's report of a run.

    Args:
        report: Fields of `Result` but for its outputs; other keys are ignored.
        outputs: Standard output and error.

    Raises:
        Fault: (``infra``) It is no such report.
    """
    if len(outputs) != 2:
        raise Fault(f"sandbox: a run's report has {len(outputs)} outputs, not 2", "infra")
    stdout, stderr = outputs
    try:
        return _RESULT.validate_python({**report, "stdout": stdout, "stderr": stderr})
    except ValidationError as error:
        why = first_problem(error, "report")
        raise Fault(f"sandbox: a run's report is not valid: {why}", "infra") from error
