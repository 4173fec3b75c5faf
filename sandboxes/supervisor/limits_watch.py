"""Limits of one call in progress: a program's whole run, or a session's piece of code."""

from __future__ import annotations

import resource
import time
from collections.abc import Sequence

from envgym.sandboxes.supervisor import processes
from envgym.sandboxes.supervisor.classify_exit import Ending, outcome
from envgym.sandboxes.supervisor.config import BoxConfig
from envgym.sandboxes.supervisor.messages import ProgramLimits, Report
from envgym.sandboxes.supervisor.streams.capture import Capture

SAMPLE_S = 0.05


class Call:
    """One call, its limits, and its reply.

    Attributes:
        id: Id of the request.
        deadline: End of its wall-clock time, on the monotonic clock.
        killed: Outcome for which it was killed, or "".
        pid: Its process; 0 until it is known.
        counts_tasks: Whether tasks are sampled, because nothing counts refused forks.

    Args:
        config: Configuration of its sandbox.
        output: Standard output and error.
        fresh: Whether the process began with this call.
        share: Resident bytes inherited from the parent process; None: of this process.
    """

    def __init__(
        self,
        id: int,
        pid: int,
        limits: ProgramLimits,
        config: BoxConfig,
        output: Sequence[Capture],
        fresh: bool,
        share: int | None = None,
    ) -> None:
        self.id = id
        self.limits = limits
        self.output = output
        self.killed = ""
        self.began = time.monotonic()
        self.deadline = self.began + limits["wall_s"]
        self.sampled = self.began
        self.pid = pid
        counters = self._counters = config.counters
        # A group counts at its sandbox's figures; a call may have lower ones.
        self.counts_tasks = not 0 < config.held_processes <= limits["processes"]
        self._watch_memory = not 0 < config.held_memory <= limits["memory_bytes"]
        self._uncounted = not config.held_memory
        self._filtered = config.filtered
        self._ooms, self._refusals = counters.ooms(), counters.refusals()
        self._crowd = limits["processes"] + (
            not config.count_processes
        )  # one more, if nothing refuses
        self._share = share
        fresh = fresh or not pid  # it has not even said its number
        self._high = 0 if fresh or not self._uncounted else processes.high_water(pid)
        self._own = 0.0 if fresh else processes.seconds(pid)
        self._spent: float | None = 0.0 if fresh else None
        self._peak = 0
        self._seen = 0.0
        self._crowded = False

    def excess(self, now: float) -> str:
        """Outcome of the limit that is exceeded now, or ""."""
        if any(capture.over for capture in self.output):
            return "OLE"
        if now >= self.deadline:
            return "TLE"
        if now - self.sampled < SAMPLE_S:
            return ""
        self.sampled = now
        seconds, resident, tasks = processes.usage(self.pid)
        if self._spent is None:  # most calls are over before the first sample, and pay for none
            self._spent = seconds - (processes.seconds(self.pid) - self._own)
        self._seen = max(self._seen, seconds - self._spent)
        self._peak = max(self._peak, resident)
        self._crowded |= self.counts_tasks and tasks >= self._crowd
        if self._seen > self.limits["cpu_s"]:
            return "TLE"
        most = self.limits["memory_bytes"]
        if not self._watch_memory or resident <= most:
            return ""
        # Forks share most of their pages: what that costs to count is spent only near the limit.
        return "MLE" if processes.proportional(self.pid) > most else ""

    def met(self, pid: int, share: int) -> None:
        """Note the process id, once the process has sent it, and its inherited memory."""
        self.pid, self._share = pid, share

    def spent(self) -> float:
        """CPU seconds measured so far."""
        return self._seen

    def _now_spent(self) -> float:
        if self._spent is None:
            return processes.seconds(self.pid) - self._own
        return max(self._seen, processes.usage(self.pid)[0] - self._spent)

    def reply(
        self, status: int, cpu_s: float | None = None, resident: int = 0, left: int = 0
    ) -> tuple[Report, bytes, bytes]:
        """Report and outputs of the answer, once the program, or the piece of code, has ended.

        Args:
            status: Wait status.
            cpu_s: CPU seconds; None measures a process that lives on.
            resident: Peak resident bytes of the largest process; likewise.
            left: Tasks left by an ended process, where they are counted.
        """
        out, err = (bytes(capture.data) for capture in self.output)
        if not self.killed and any(capture.over for capture in self.output):
            self.killed = "OLE"
        if cpu_s is None:
            cpu_s = self._now_spent()
            if status and self._uncounted:
                resident = processes.high_water(self.pid)
            if status and self.counts_tasks:
                left = processes.usage(self.pid)[2] - 1
        end = self.ending(status, cpu_s, resident, left)
        verdict, code, detail = outcome(end, self.limits["cpu_s"])
        report: Report = {
            "id": self.id,
            "outcome": verdict,
            "exit_code": code,
            "wall_s": end.wall_s,
            "cpu_s": cpu_s,
            "memory_bytes": max(end.peak, resident),
            "detail": detail,
        }
        return report, out, err

    def ending(self, status: int, cpu_s: float, resident: int, left: int = 0) -> Ending:
        """Measurements of the call; arguments as of `reply`."""
        crowded = self._crowded or (self.counts_tasks and left + 1 >= self._crowd)
        return Ending(
            status,
            self.killed,
            cpu_s,
            resident,
            self._counters.ooms() - self._ooms,
            status != 0 and self._uncounted and self._filled(resident),
            self._counters.refusals() - self._refusals + crowded,
            self._filtered,
            time.monotonic() - self.began,
            self._peak,
        )

    def _filled(self, resident: int) -> bool:
        """Return whether memory of this call exceeded the limit, without inherited memory."""
        share = self._share
        if share is None:
            share = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
        return resident > self._high and resident >= self.limits["memory_bytes"] + share
