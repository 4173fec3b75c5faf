"""What a keeper holds of the box that it has forked: one that stays, or one for one program."""

from __future__ import annotations

import math
import os
import signal
import time
from typing import Any

from envgym.sandboxes.backends.namespace.box_init import be_box, be_program
from envgym.sandboxes.backends.namespace.box_parent import BoxParent
from envgym.sandboxes.backends.namespace.kernel import syscalls
from envgym.sandboxes.backends.namespace.landlock_box import be_guest_box
from envgym.sandboxes.backends.namespace.settings import BoxSettings
from envgym.sandboxes.supervisor import processes
from envgym.sandboxes.supervisor.limits_watch import SAMPLE_S, Call


class Tenant:
    """A box that its supervisor serves, PID 1.

    Attributes:
        id: The host's number for it.
        file: Of the process whose end is the box's.
    """

    def __init__(self, keeper: BoxParent, box: BoxSettings, files: list[int]) -> None:
        self.id = box.id
        self._meters = keeper.config.meters
        self._ooms = self._meters.ooms()
        if keeper.settings.mode == "landlock":
            self._pid = os.fork()
            if self._pid == 0:
                be_guest_box(keeper, box, files[0])
        else:
            syscalls.unshare(syscalls.NEWPID)
            try:
                self._pid = os.fork()
                if self._pid == 0:
                    be_box(keeper, box, files[0])
            finally:
                keeper.own_pids()
        self.file = os.pidfd_open(self._pid)

    def kill(self) -> None:
        """Kill all of it."""
        signal.pidfd_send_signal(self.file, signal.SIGKILL)

    def patience(self) -> float:
        """Seconds until `hold` is to be called."""
        return math.inf

    def hold(self) -> None:
        """Hold it to its limits."""

    def reaped(self) -> dict[str, Any]:
        """Reap it (as PID 1 the kernel has reaped all its others before); what the host is told."""
        os.waitpid(self._pid, 0)
        os.close(self.file)
        return {"ended": self.id, "ooms": self._meters.ooms() - self._ooms}


class Alone(Tenant):
    """A box without a supervisor: its PID 1 does nothing, beside it is a program, or a REPL.

    Its input and output go between it and the host: the keeper, of which later boxes are forks,
    reads nothing of a program's. A REPL, where no `source_bytes` are given, is the host's to watch.
    """

    def __init__(
        self,
        keeper: BoxParent,
        box: BoxSettings,
        files: list[int],
        limits: dict[str, Any],
        source_bytes: int | None = None,
    ) -> None:
        self.id = box.id
        self._meters = keeper.config.meters
        self._ooms = self._meters.ooms()
        syscalls.unshare(syscalls.NEWPID)
        try:
            self._first = syscalls.fork_idle()
            try:
                self._pid = os.fork()
            except OSError:
                self._end_first()
                raise
            if self._pid == 0:
                be_program(keeper, box, limits, source_bytes, files)
        finally:
            keeper.own_pids()
        self.file = os.pidfd_open(self._pid)

    def kill(self) -> None:
        """Kill all of it, for its time or at the host's word."""
        os.kill(self._first, signal.SIGKILL)

    def reaped(self) -> dict[str, Any]:
        """See `Tenant`: what is left in the box ends with it."""
        _, status, _ = os.wait4(self._pid, 0)
        self._clear()
        ooms = self._meters.ooms() - self._ooms
        return {"ended": self.id, "ooms": ooms, "ending": {"status": status}}

    def _clear(self) -> None:
        self._end_first()
        os.close(self.file)

    def _end_first(self) -> None:
        self.kill()
        os.waitpid(self._first, 0)  # the kernel lets it end as the last of all


class Single(Alone):
    """A box for one program: the keeper watches the clock."""

    def __init__(
        self,
        keeper: BoxParent,
        box: BoxSettings,
        files: list[int],
        limits: dict[str, Any],
        source_bytes: int,
    ) -> None:
        self._call = Call(box.id, 0, limits, keeper.config, (), fresh=True)
        super().__init__(keeper, box, files, limits, source_bytes)
        self._call.pid = self._pid

    def patience(self) -> float:
        """Seconds until `hold` is to be called."""
        call = self._call
        if call.killed:
            return math.inf
        return max(min(call.deadline, call.sampled + SAMPLE_S) - time.monotonic(), 0.0)

    def hold(self) -> None:
        """Kill it where it is past a limit."""
        if not self._call.killed:
            self._call.killed = self._call.excess(time.monotonic())
            if self._call.killed:
                self.kill()

    def reaped(self) -> dict[str, Any]:
        """See `Tenant`: also how the program has ended."""
        _, status, usage = os.wait4(self._pid, 0)
        left = processes.usage(self._first)[2] - 1 if self._call.counts_tasks else 0
        self._clear()
        cpu_s = usage.ru_utime + usage.ru_stime
        ending = vars(self._call.ending(status, cpu_s, usage.ru_maxrss << 10, left))
        return {"ended": self.id, "ooms": ending["ooms"], "ending": ending}
