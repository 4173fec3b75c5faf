"""Which outcome an ending is. Plain arithmetic on what was measured, so that it can be tested."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass

ERRORS = 4096


@dataclass
class Ending:
    """What is known of how a program ended.

    Attributes:
        status: Wait status of its main process.
        killed: The outcome it was killed for by the supervisor, or "".
        cpu_s: Processor seconds, its waited-for children included.
        resident: Peak resident bytes of its largest process.
        ooms: Processes of the box that the kernel killed for memory meanwhile.
        refusals: Forks of the box that the kernel refused meanwhile.
        errors: The end of its standard error, `ERRORS` bytes.
        wall_s: Seconds by the clock.
        peak: Most resident bytes of all its processes that were seen.
    """

    status: int
    killed: str = ""
    cpu_s: float = 0.0
    resident: int = 0
    ooms: int = 0
    refusals: int = 0
    errors: bytes = b""
    wall_s: float = 0.0
    peak: int = 0


_NO_MEMORY = (b"MemoryError", b"std::bad_alloc", b"Cannot allocate memory", b"out of memory")
_NO_PROCESS = (b"Resource temporarily unavailable", b"can't start new thread")


def outcome(end: Ending, cpu_s: float, memory_bytes: int) -> tuple[str, int | None, str]:
    """Outcome, exit code (minus the signal, None where killed for a limit) and a line on why."""
    code = os.waitstatus_to_exitcode(end.status)
    if end.killed:
        return end.killed, None, ""
    if code == 0:
        return "OK", 0, ""
    if code == -signal.SIGSYS:
        return "DENIED", code, "killed for a system call that no program in a box may make"
    if code == -signal.SIGXCPU or (code == -signal.SIGKILL and end.cpu_s >= cpu_s):
        return "TLE", None, "its processor time is used up"
    if end.ooms:
        return "MLE", None, "the kernel killed a process for memory"
    if any(sign in end.errors for sign in _NO_MEMORY) or end.resident >= 0.95 * memory_bytes:
        return "MLE", code, "an allocation failed at the memory limit"
    if end.refusals or any(sign in end.errors for sign in _NO_PROCESS):
        return "PLE", code, "a fork failed at the process limit"
    return "RE", code, f"signal {-code}" if code < 0 else ""
