"""Sandboxes as the fork server holds them: supervised, without a supervisor, or for one program."""

from __future__ import annotations

import math
import os
import signal
import time

from envgym.sandboxes.backends.namespace.box_init import be_box, be_program
from envgym.sandboxes.backends.namespace.box_parent import BoxParent
from envgym.sandboxes.backends.namespace.kernel import syscalls
from envgym.sandboxes.backends.namespace.landlock_box import be_landlock_box
from envgym.sandboxes.backends.namespace.messages import BoxEnd
from envgym.sandboxes.backends.namespace.settings import BoxSettings
from envgym.sandboxes.supervisor import processes
from envgym.sandboxes.supervisor.classify_exit import Ending
from envgym.sandboxes.supervisor.limits_watch import SAMPLE_S, Call
from envgym.sandboxes.supervisor.messages import ProgramLimits


class SupervisedBox:
    """A long-lived sandbox whose PID 1 is its supervisor.

    Attributes:
        id: The host's number for the sandbox.
        file: Descriptor (pidfd) of the process whose end is the end of the sandbox.
    """

    def __init__(self, server: BoxParent, box: BoxSettings, files: list[int]) -> None:
        self.id = box.id
        self._counters = server.config.counters
        self._ooms = self._counters.ooms()
        if server.settings.mode == "landlock":
            self._pid = os.fork()
            if self._pid == 0:
                be_landlock_box(server, box, files[0])
        else:
            syscalls.unshare(syscalls.NEWPID)
            try:
                self._pid = os.fork()
                if self._pid == 0:
                    be_box(server, box, files[0])
            finally:
                server.own_pids()
        self.file = os.pidfd_open(self._pid)

    def kill(self) -> None:
        """Kill every process of the sandbox."""
        signal.pidfd_send_signal(self.file, signal.SIGKILL)

    def patience(self) -> float:
        """Seconds until the next `hold`."""
        return math.inf

    def hold(self) -> None:
        """Enforce the sandbox's limits; here the supervisor does so."""

    def reaped(self) -> BoxEnd:
        """Reap the sandbox and return how it ended.

        The kernel has reaped all its other processes before its PID 1.
        """
        os.waitpid(self._pid, 0)
        os.close(self.file)
        return BoxEnd(self._counters.ooms() - self._ooms)


class BareBox(SupervisedBox):
    """A sandbox without a supervisor: an idle PID 1, and beside it a program or a REPL.

    Its input and output go directly between it and the host. The fork server never reads them,
    because later sandboxes are forks of it and would inherit the data. The host itself enforces the
    limits of a REPL (no `source_bytes`).
    """

    def __init__(
        self,
        server: BoxParent,
        box: BoxSettings,
        files: list[int],
        limits: ProgramLimits,
        source_bytes: int | None = None,
    ) -> None:
        self.id = box.id
        self._counters = server.config.counters
        self._ooms = self._counters.ooms()
        syscalls.unshare(syscalls.NEWPID)
        try:
            self._first = syscalls.fork_idle()
            try:
                self._pid = os.fork()
            except OSError:
                self._end_first()
                raise
            if self._pid == 0:
                be_program(server, box, limits, source_bytes, files)
        finally:
            server.own_pids()
        self.file = os.pidfd_open(self._pid)

    def kill(self) -> None:
        """Kill every process of the sandbox."""
        os.kill(self._first, signal.SIGKILL)

    def reaped(self) -> BoxEnd:
        """See `SupervisedBox`. Processes left in the sandbox end with it."""
        _, status, _ = os.wait4(self._pid, 0)
        self._clear()
        return BoxEnd(self._counters.ooms() - self._ooms, Ending(status))

    def _clear(self) -> None:
        self._end_first()
        os.close(self.file)

    def _end_first(self) -> None:
        self.kill()
        os.waitpid(self._first, 0)  # the kernel lets it end as the last of all


class ProgramBox(BareBox):
    """A sandbox for one program, with time limits enforced by the fork server."""

    def __init__(
        self,
        server: BoxParent,
        box: BoxSettings,
        files: list[int],
        limits: ProgramLimits,
        source_bytes: int,
    ) -> None:
        self._call = Call(box.id, 0, limits, server.config, (), fresh=True)
        super().__init__(server, box, files, limits, source_bytes)
        self._call.pid = self._pid

    def patience(self) -> float:
        """Seconds until the next `hold`."""
        call = self._call
        if call.killed:
            return math.inf
        return max(min(call.deadline, call.sampled + SAMPLE_S) - time.monotonic(), 0.0)

    def hold(self) -> None:
        """Kill the sandbox if it exceeds a limit."""
        if not self._call.killed:
            self._call.killed = self._call.excess(time.monotonic())
            if self._call.killed:
                self.kill()

    def reaped(self) -> BoxEnd:
        """See `SupervisedBox`. How the program ended is measured too."""
        _, status, usage = os.wait4(self._pid, 0)
        left = processes.usage(self._first)[2] - 1 if self._call.counts_tasks else 0
        self._clear()
        cpu_s = usage.ru_utime + usage.ru_stime
        ending = self._call.ending(status, cpu_s, usage.ru_maxrss << 10, left)
        return BoxEnd(ending.ooms, ending)
