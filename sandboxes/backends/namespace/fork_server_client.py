"""Host's side of a fork server, which serves one sandbox at a time."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
from dataclasses import asdict

from envgym.errors import Fault
from envgym.sandboxes.backends.namespace.messages import Answer, BoxEnd, BoxRequest, Kill
from envgym.sandboxes.backends.namespace.settings import BoxSettings
from envgym.sandboxes.supervisor.cgroup_counters import CgroupCounters
from envgym.sandboxes.supervisor.classify_exit import Ending
from envgym.sandboxes.supervisor.messages import ProgramLimits

_MESSAGE = 1 << 16
_LEFT = 4 << 20
"""Maximum bytes still charged to the cgroup by earlier sandboxes before it is reused."""


class ForkServerClient:
    """Connection to one fork server.

    Attributes:
        alive: Whether the fork server runs.
        counters: Counters of its control group, if it has one; closed with the client.
    """

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._loop = asyncio.get_running_loop()
        self._answer: asyncio.Future[None] = self._loop.create_future()
        self._ended: asyncio.Future[BoxEnd] | None = None
        self._box = 0
        self._ooms = 0
        self._opening = False
        self.alive = True
        self.counters = CgroupCounters()
        self._used: int | None = None
        self._empty = 0
        self._loop.add_reader(control, self._heard)

    @property
    def free(self) -> bool:
        """Return whether the fork server can take a sandbox."""
        return self.alive and (self._ended is None or self._ended.done())

    @property
    def cleared(self) -> bool:
        """Return whether the memory of earlier sandboxes is free again.

        The kernel needs time for thousands of ended processes; a later sandbox would be blamed for
        their memory.
        """
        try:
            return self._taken() - self._empty <= _LEFT
        except OSError:  # its fork server was killed a moment ago, and the group is gone
            return False

    async def ready(self) -> None:
        """Wait until the fork server has started.

        Raises:
            Fault: It could not be.
        """
        await self._answered()

    async def open(self, box: BoxSettings, link: socket.socket) -> None:
        """Fork a sandbox whose supervisor serves `link`.

        Raises:
            Fault: There is none; the reason is in it.
        """
        self._begin({"op": "open", "box": asdict(box)}, [link.fileno()])
        await self._answered()

    def run(
        self, box: BoxSettings, limits: ProgramLimits, source_bytes: int, files: list[int]
    ) -> None:
        """Fork a sandbox for one program.

        Args:
            box: The sandbox's settings.
            limits: The program's.
            source_bytes: How much of its standard input is its source.
            files: Its standard input, output and error.
        """
        self._begin(
            {"op": "run", "box": asdict(box), "limits": limits, "source_bytes": source_bytes}, files
        )

    def repl(
        self, box: BoxSettings, limits: ProgramLimits, files: list[int]
    ) -> asyncio.Future[BoxEnd]:
        """Fork a sandbox that is one REPL.

        Args:
            box: Settings of the sandbox.
            limits: Limits of the sandbox.
            files: Its standard input, output and error, and its socket.

        Returns:
            The end of the sandbox, once it is gone; see `fault` where it has no `ending`.
        """
        return self._begin({"op": "repl", "box": asdict(box), "limits": limits}, files)

    async def ending(self) -> Ending:
        """Wait for the end of the sandbox and return how its program ended.

        Raises:
            Fault: There was no sandbox; the reason is in it.
        """
        assert self._ended is not None
        end = await asyncio.shield(self._ended)
        if self._answer.done() or end.ending is None:
            raise self.fault()
        return end.ending

    def fault(self) -> BaseException:
        """The error that explains why there was no sandbox."""
        told = self._answer.exception() if self._answer.done() else None
        return told or Fault("sandbox: the sandbox's fork server is gone")

    def kill(self) -> None:
        """Kill the sandbox; `end` waits for it."""
        if self._ended is not None and not self._ended.done():
            self._send({"op": "kill", "id": self._box}, [])

    async def end(self) -> int:
        """Kill the sandbox, wait for its end, and return its number of out-of-memory kills."""
        if self._ended is None:
            return 0
        self.kill()
        return (await asyncio.shield(self._ended)).ooms

    def close(self) -> None:
        """Disconnect from the fork server, which then ends with its sandbox. Idempotent."""
        if not self.alive:
            return
        self.alive = False
        ooms = max(0, self.counters.ooms() - self._ooms)
        self._loop.remove_reader(self._control)
        self._control.close()
        for file in (self.counters.memory, self.counters.processes, self._used):
            if file is not None:
                os.close(file)
        self.counters, self._used = CgroupCounters(), None
        # Where there are `ooms`, the sandbox filled the group's memory and the kernel killed its
        # fork server too, which can happen where `avoid_oom_kill` is not permitted. That is an end
        # of the sandbox, no fault.
        if not self._answer.done() and (self._opening or not ooms):
            self._answer.set_exception(Fault("sandbox: the sandbox's fork server is gone"))
            self._answer.exception()  # looked at: a program's run does not wait for an answer
        if self._ended is not None and not self._ended.done():
            ending = Ending(signal.SIGKILL, ooms=ooms) if ooms else None
            self._ended.set_result(BoxEnd(ooms, ending))

    async def _answered(self) -> None:
        try:
            await self._answer
        except BaseException:
            self.close()
            raise

    def _begin(self, request: BoxRequest, files: list[int]) -> asyncio.Future[BoxEnd]:
        self._opening = request["op"] == "open"
        self._answer = self._loop.create_future()
        ended = self._ended = self._loop.create_future()
        self._box = request["box"]["id"]
        self._send(request, files)
        return ended

    def _send(self, message: BoxRequest | Kill, files: list[int]) -> None:
        try:
            socket.send_fds(self._control, [json.dumps(message).encode()], files)
        except OSError:
            self.close()

    def _taken(self) -> int:
        return 0 if self._used is None else int(os.pread(self._used, 32, 0))

    def _heard(self) -> None:
        try:
            data, files, _, _ = socket.recv_fds(self._control, _MESSAGE, 3)
        except BlockingIOError:
            return
        except OSError:
            data, files = b"", []
        if files:
            *counters, self._used = files
            self.counters = CgroupCounters(*counters)
            with contextlib.suppress(OSError):
                self._empty = self._taken()
        if not data:
            self.close()
            return
        message: Answer = json.loads(data)
        if "ended" in message:
            end = BoxEnd.of(message)
            self._ooms += end.ooms
            if self._ended is not None and not self._ended.done():
                self._ended.set_result(end)
        elif self._answer.done():
            return
        elif "error" in message:
            self._answer.set_exception(Fault(f"sandbox: {message['error']}"))
        else:
            self._answer.set_result(None)
