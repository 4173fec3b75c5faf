"""One program that runs once: pipes, and end."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

from envgym.sandboxes.supervisor.child.launch import spawn
from envgym.sandboxes.supervisor.config import BoxConfig
from envgym.sandboxes.supervisor.limits_watch import Call
from envgym.sandboxes.supervisor.messages import ProgramLimits, Report
from envgym.sandboxes.supervisor.streams.capture import Capture
from envgym.sandboxes.supervisor.streams.stdin_writer import StdinWriter

DRAIN_S = 0.5  # for the last bytes of processes that were just killed


class Job:
    """A running program.

    Attributes:
        pid: Process id of its main process.
        files: Descriptors to wait for: outputs, and the input while some of it is left.
        ended: Time at which its main process ended; None while it runs.
    """

    def __init__(
        self,
        id: int,
        config: BoxConfig,
        limits: ProgramLimits,
        body: Callable[[], Any],
        stdin: bytes,
    ) -> None:
        pipes = [os.pipe() for _ in range(3)]
        (inside, to_stdin), (out, out_inside), (err, err_inside) = pipes
        theirs = (inside, out_inside, err_inside)
        self.output = Capture(out, limits["output_bytes"]), Capture(err, limits["output_bytes"])
        # Before the program is there: what is counted from its first instruction on is its own.
        self.call = Call(id, 0, limits, config, self.output, fresh=True)
        self.pid = self.call.pid = spawn(config, limits, theirs, body)
        for file in theirs:
            os.close(file)
        self._stdin = StdinWriter(to_stdin, stdin)
        self.ended: float | None = None
        self._status, self._cpu_s, self._resident, self._left = 0, 0.0, 0, 0
        self.feed()

    @property
    def reading(self) -> list[int]:
        """Descriptors to read."""
        return [capture.file for capture in self.output if capture.open and not capture.over]

    @property
    def writing(self) -> list[int]:
        """Descriptor to write, while standard input is left."""
        return [self._stdin.file] if self._stdin.open else []

    def feed(self) -> None:
        """Write as much standard input as the pipe takes now."""
        self._stdin.pump()

    def exited(self, status: int, cpu_s: float, resident: int, left: int) -> None:
        """Note the end of the main process; its pipes may still hold data.

        Args:
            status: Wait status.
            cpu_s: CPU seconds, waited-for children included.
            resident: Peak resident bytes of its largest process.
            left: Tasks left behind, where they are counted.
        """
        self._status, self._cpu_s, self._resident, self._left = status, cpu_s, resident, left
        self.ended = time.monotonic()
        self._stdin.close()

    def drained(self, now: float) -> bool:
        """Return whether all output is read, or the wait for it is over."""
        if self.ended is None:
            return False
        full = all(not capture.open or capture.over for capture in self.output)
        return full or now >= self.ended + DRAIN_S

    def reply(self) -> tuple[Report, bytes, bytes]:
        """Close the pipes and return the answer."""
        answer = self.call.reply(self._status, self._cpu_s, self._resident, self._left)
        for capture in self.output:
            capture.close()
        return answer
