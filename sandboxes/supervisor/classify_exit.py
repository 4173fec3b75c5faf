"""Which outcome an ending is. Plain arithmetic on what was measured, so that it can be tested.

Nothing that a program wrote is read, and no signal is believed: a limit that no counter says was
met was not met, and the program ended by itself.
"""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass


@dataclass
class Ending:
    """What is known of how a program ended.

    Attributes:
        status: Wait status of its main process.
        killed: The outcome it was killed for by the supervisor, or "".
        cpu_s: Processor seconds, its waited-for children included.
        resident: Peak resident bytes of its largest process.
        ooms: Processes of the box that the kernel killed for memory meanwhile.
        filled: Whether its peak was past its memory limit; where no kernel counts `ooms`.
        refusals: Forks of the box that the kernel refused meanwhile, or at least one where it was
            seen with as many processes as it may have and nobody counts refusals.
        filtered: Whether a filter of system calls kills, so that SIGSYS is the filter's.
        wall_s: Seconds by the clock.
        peak: Most resident bytes of all its processes that were seen.
    """

    status: int
    killed: str = ""
    cpu_s: float = 0.0
    resident: int = 0
    ooms: int = 0
    filled: bool = False
    refusals: int = 0
    filtered: bool = False
    wall_s: float = 0.0
    peak: int = 0


def outcome(end: Ending, cpu_s: float) -> tuple[str, int | None, str]:
    """Outcome, exit code (minus the signal, None where killed for a limit) and a line on why.

    Args:
        end: The ending.
        cpu_s: The limit of its processor seconds.
    """
    code = os.waitstatus_to_exitcode(end.status)
    if end.killed:
        return end.killed, None, ""
    if code == 0:
        return "OK", 0, ""
    if code == -signal.SIGSYS and end.filtered:
        return "DENIED", code, "killed for a system call that no program in a box may make"
    if code in (-signal.SIGXCPU, -signal.SIGKILL) and end.cpu_s >= cpu_s:
        return "TLE", None, "its processor time is used up"
    if end.ooms:
        return "MLE", None, "the kernel killed a process for memory"
    if end.filled:
        return "MLE", code, "it failed past its memory limit"
    if end.refusals:
        return "PLE", code, "a fork failed at the process limit"
    return "RE", code, f"signal {-code}" if code < 0 else ""
