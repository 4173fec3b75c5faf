"""Classify how a program ended, from measurements alone.

No output of the program is read and no signal is believed: a limit counts as met only if a counter
or a clock says so; otherwise the program ended by itself. Plain arithmetic, so that tests can cover
it.
"""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass


@dataclass
class Ending:
    """Measurements of how a program ended.

    Attributes:
        status: Wait status of its main process.
        killed: Outcome for which the supervisor killed it, or "".
        cpu_s: CPU seconds, waited-for children included.
        resident: Peak resident bytes of its largest process.
        ooms: Processes of the sandbox that the kernel killed for memory meanwhile.
        filled: Whether its peak was above its memory limit; used where no kernel counts `ooms`.
        refusals: Forks of the sandbox that the kernel refused meanwhile; 1 or more if the sandbox
            was seen at its process limit and nothing counts refusals.
        filtered: Whether a system call filter kills, so that SIGSYS is the filter's.
        wall_s: Wall-clock seconds.
        peak: Highest sampled sum of resident bytes of all its processes.
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
    """Return the outcome, the exit code and one line of explanation.

    The exit code is minus the number of a signal, and None after a kill for a limit.

    Args:
        end: The measurements.
        cpu_s: Limit of CPU seconds.
    """
    code = os.waitstatus_to_exitcode(end.status)
    if end.killed:
        return end.killed, None, ""
    if code == 0:
        return "OK", 0, ""
    if code == -signal.SIGSYS and end.filtered:
        return "DENIED", code, "killed for a system call that no program in a sandbox may make"
    if code in (-signal.SIGXCPU, -signal.SIGKILL) and end.cpu_s >= cpu_s:
        return "TLE", None, "its processor time is used up"
    if end.ooms:
        return "MLE", None, "the kernel killed a process for memory"
    if end.filled:
        return "MLE", code, "it failed past its memory limit"
    if end.refusals:
        return "PLE", code, "a fork failed at the process limit"
    return "RE", code, f"signal {-code}" if code < 0 else ""
