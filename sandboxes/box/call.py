"""One call in progress, a program's whole run or a session's piece of code, and its limits."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from envgym.sandboxes.box import processes
from envgym.sandboxes.box.capture import Capture
from envgym.sandboxes.box.meters import Meters
from envgym.sandboxes.box.outcomes import ERRORS, Ending, outcome

SAMPLE_S = 0.05


class Call:
    """What is held against the limits, and the reply that comes of it.

    Attributes:
        id: The request's.
        deadline: When its wall-clock time is up, on the monotonic clock.
        killed: The outcome it was killed for, or "".
        pid: The process; 0 until it is known.
    """

    def __init__(
        self,
        id: int,
        pid: int,
        limits: dict[str, Any],
        meters: Meters,
        watch_memory: bool,
        output: Sequence[Capture],
        fresh: bool,
    ) -> None:
        self.id = id
        self.limits = limits
        self.output = output
        self.killed = ""
        self.began = time.monotonic()
        self.deadline = self.began + limits["wall_s"]
        self.sampled = self.began
        self.pid = pid
        self._meters = meters
        self._watch_memory = watch_memory
        self._ooms, self._refusals = meters.ooms(), meters.refusals()
        fresh = fresh or not pid  # it has not even said its number
        self._own = 0.0 if fresh else processes.seconds(pid)
        self._spent: float | None = 0.0 if fresh else None
        self._peak = 0
        self._seen = 0.0
        self._crowded = False

    def excess(self, now: float) -> str:
        """The outcome of a limit that is passed by now, or ""."""
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
        self._crowded |= tasks >= self.limits["processes"]
        if self._seen > self.limits["cpu_s"]:
            return "TLE"
        most = self.limits["memory_bytes"]
        if not self._watch_memory or resident <= most:
            return ""
        # Forks share most of their pages: what that costs to count is spent only near the limit.
        return "MLE" if processes.proportional(self.pid) > most else ""

    def spent(self) -> float:
        """Processor seconds seen so far."""
        return self._seen

    def _now_spent(self) -> float:
        if self._spent is None:
            return processes.seconds(self.pid) - self._own
        return max(self._seen, processes.usage(self.pid)[0] - self._spent)

    def reply(
        self, status: int, cpu_s: float | None = None, resident: int = 0
    ) -> tuple[dict[str, Any], bytes, bytes]:
        """Header and outputs of the answer, once the program, or the piece of code, has ended."""
        out, err = (bytes(capture.data) for capture in self.output)
        if not self.killed and any(capture.over for capture in self.output):
            self.killed = "OLE"
        if cpu_s is None:
            cpu_s = self._now_spent()
        end = self.ending(status, cpu_s, resident)
        end.errors = err[-ERRORS:]
        verdict, code, detail = outcome(end, self.limits["cpu_s"], self.limits["memory_bytes"])
        header = {
            "id": self.id,
            "outcome": verdict,
            "exit_code": code,
            "wall_s": end.wall_s,
            "cpu_s": cpu_s,
            "memory_bytes": max(end.peak, resident),
            "detail": detail,
        }
        return header, out, err

    def ending(self, status: int, cpu_s: float, resident: int) -> Ending:
        """What is known but for the output."""
        return Ending(
            status,
            self.killed,
            cpu_s,
            resident,
            self._meters.ooms() - self._ooms,
            self._meters.refusals() - self._refusals + self._crowded,
            wall_s=time.monotonic() - self.began,
            peak=self._peak,
        )
