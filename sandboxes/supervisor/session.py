"""Supervisor's side of a live interpreter: a process, its outputs, and a socket for code."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Callable

from envgym.sandboxes.supervisor import processes
from envgym.sandboxes.supervisor.child.launch import execute, spawn
from envgym.sandboxes.supervisor.child.repl import serve_repl
from envgym.sandboxes.supervisor.config import BoxConfig
from envgym.sandboxes.supervisor.limits_watch import Call
from envgym.sandboxes.supervisor.messages import ProgramLimits, Report
from envgym.sandboxes.supervisor.streams.capture import Capture, pipes
from envgym.sandboxes.supervisor.streams.frames import BadFrame, Unpacker, pack

_CREDENTIALS = struct.Struct("3i")
# Code ends with a NUL byte; the answer is the exit status. Programs see neither descriptor.
SHELL_LOOP = (
    'while IFS= read -r -d "" -u 3 __code; do '
    'eval "$__code" </dev/null 3<&- 4>&-; printf "%d\\0" "$?" >&4; done'
)


class InterpreterProcess:
    """Process of a shell or a REPL.

    Attributes:
        kind: ``shell`` or ``repl``.
        pid: Process id; 0 until a fork has sent its first message.
        call: The running call, or None.
        forking: Request id of a fork that has sent no message yet, or None.
        ending: Whether the supervisor has asked it to end.
        hung_up: Whether the process closed its socket and can take no more requests.
    """

    def __init__(self, kind: str, config: BoxConfig, limits: ProgramLimits) -> None:
        self.kind = kind
        self.config = config
        self.limits = limits
        self.pid = 0
        self.call: Call | None = None
        self.forking: int | None = None
        self.ending = False
        self.hung_up = False
        self._unpacker = Unpacker(4096, 0)  # what a model's code may send us is kept small
        self._waiting = b""
        self._share = 0
        out, self._out, err, self._err = ends = pipes(2)
        try:
            self.control, self._theirs = socket.socketpair()
        except OSError:
            for file in ends:
                os.close(file)
            raise
        self.control.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.output = Capture(out, limits["output_bytes"]), Capture(err, limits["output_bytes"])

    def start(self) -> None:
        """Start the process."""
        env = self.config.environment()
        nothing = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        control = self._theirs.fileno()
        argv = ["bash", "--noprofile", "--norc", "-c", SHELL_LOOP]
        body: Callable[[], None]
        if self.kind == "shell":
            keep = [control, control]

            def body() -> None:
                execute(argv, env)
        else:
            keep = [control]

            def body() -> None:
                serve_repl(env, self.config.workdir)

        self.pid = spawn(
            self.config,
            self.limits,
            [nothing, self._out, self._err],
            body,
            keep,
            whole_life=False,
            adopt=self.kind == "shell",  # it waits for whatever ends
        )
        os.close(nothing)
        self._weigh()
        self.started()

    def _weigh(self) -> None:
        """Note inherited memory, where no control group counts memory."""
        if not self.config.held_memory:
            self._share = processes.high_water(self.pid)

    def started(self) -> None:
        """Close our copies of the process's ends of the pipes."""
        self._theirs.close()
        os.close(self._out)
        os.close(self._err)
        self.control.setblocking(False)

    def fork_into(self, copy: InterpreterProcess) -> None:
        """Ask the process to fork; `copy` has the ends for the new process."""
        files = copy.theirs
        socket.send_fds(self.control, [pack({"op": "fork"})], files)
        copy.started()

    def run(self, id: int, code: bytes, limits: ProgramLimits) -> None:
        """Send code to the process."""
        for capture in self.output:
            capture.pump()
            capture.take()  # of what ran on in the background since the last call
            capture.limit = limits["output_bytes"]
        self.call = Call(
            id, self.pid, limits, self.config, self.output, fresh=False, share=self._share
        )
        self._waiting = code + b"\0" if self.kind == "shell" else pack({"op": "run"}, code)
        self.feed()

    @property
    def theirs(self) -> list[int]:
        """The process's ends, until `started`: socket, output, error."""
        return [self._theirs.fileno(), self._out, self._err]

    @property
    def reading(self) -> list[int]:
        """Descriptors to read."""
        files = [c.file for c in self.output if c.open and not c.over]
        return files if self.hung_up else [*files, self.control.fileno()]

    @property
    def writing(self) -> list[int]:
        """The socket, while some code is unsent."""
        return [self.control.fileno()] if self._waiting and not self.hung_up else []

    def feed(self) -> None:
        """Send as much code as the socket takes now."""
        try:
            while self._waiting:
                self._waiting = self._waiting[self.control.send(self._waiting[: 1 << 18]) :]
        except BlockingIOError:
            return
        except OSError:
            self._waiting = b""  # it is about to end

    def answer(self) -> int | None:
        """Wait status of a piece of code that has just ended, or None if it has not.

        The message comes from a model's code, which can misreport its own state only.
        """
        greets = self.pid == 0
        try:
            data = self._greeting() if greets else self.control.recv(1 << 16)
        except BlockingIOError:
            return None
        except OSError:
            data = b""
        self.hung_up = not data
        if self.call is None or not data:
            return None
        if self.kind == "shell":
            digits = data.rstrip(b"\0").rpartition(b"\0")[2]
            return (int(digits) & 0xFF) << 8 if digits.isdigit() else 1 << 8
        try:
            for header, _ in self._unpacker.feed(data):
                if greets and "forked" in header:
                    continue
                return 0 if header.get("ok") else 1 << 8
        except BadFrame:
            return 1 << 8
        return None

    def _greeting(self) -> bytes:
        """First message of a forked process; its credentials carry the process id."""
        data, extra, _, _ = self.control.recvmsg(1 << 16, socket.CMSG_SPACE(_CREDENTIALS.size))
        self.pid = next((_CREDENTIALS.unpack(c[2])[0] for c in extra if c[1] == 2), 0)
        self._weigh()
        if self.call is not None:
            self.call.met(self.pid, self._share)
        return data

    def finish(
        self, status: int, cpu_s: float | None = None, resident: int = 0
    ) -> tuple[Report, bytes, bytes]:
        """Answer of the call in progress; arguments as of `Call.reply`."""
        assert self.call is not None
        for capture in self.output:
            while capture.pump():
                continue
        answer = self.call.reply(status, cpu_s, resident)
        for capture in self.output:
            capture.take()
        self.call = None
        return answer

    def idle(self) -> None:
        """Discard output that background processes write between calls."""
        for capture in self.output:
            if capture.over:
                capture.take()

    def close(self) -> None:
        """Close the descriptors."""
        self.control.close()
        for capture in self.output:
            capture.close()
