"""Host's side of one program in its own sandbox: pipes, limits of output, result."""

from __future__ import annotations

import asyncio
import os

from envgym.sandboxes.backends.namespace.fork_server_client import ForkServerClient
from envgym.sandboxes.backends.namespace.settings import BoxSettings
from envgym.sandboxes.base import BoxLost
from envgym.sandboxes.limits import Limits
from envgym.sandboxes.outcome import Outcome, Result
from envgym.sandboxes.supervisor.classify_exit import Ending, outcome
from envgym.sandboxes.supervisor.streams.capture import Capture, pipes
from envgym.sandboxes.supervisor.streams.stdin_writer import StdinWriter
from envgym.sandboxes.supervisor_client.supervised_sandbox import GRACE_S


class ProgramRun:
    """One run of a program in its own sandbox.

    Args:
        server: Fork server that makes the sandbox.
        box: Settings of the sandbox.
        limits: Limits of the program.
        data: Source, directly followed by standard input.
        source_bytes: Length of the source in `data`.

    Raises:
        OSError: This process has no descriptors left.
    """

    def __init__(
        self,
        server: ForkServerClient,
        box: BoxSettings,
        limits: Limits,
        data: bytes,
        source_bytes: int,
    ) -> None:
        self._server = server
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._closed = False
        self._over: asyncio.Future[None] = self._loop.create_future()
        inside, to_stdin, out, out_inside, err, err_inside = pipes(3)
        self._feed = StdinWriter(to_stdin, data)
        most = limits.output_bytes
        self._output = Capture(out, most), Capture(err, most)
        theirs = [inside, out_inside, err_inside]
        server.run(box, limits.values(), source_bytes, theirs)
        for file in theirs:
            os.close(file)

    async def result(self) -> Result:
        """Wait for the result; the sandbox is gone when this returns or raises.

        Raises:
            BoxLost: `close` was called meanwhile.
            Fault: The sandbox broke.
        """
        try:
            self._listen()
            async with asyncio.timeout(self._limits.wall_s + GRACE_S):
                end = await self._server.ending()
            return self._result(end)
        except TimeoutError:
            return Result(Outcome.TLE, None, detail="it kept its sandbox from ending it")
        finally:
            self._hang_up()
            try:
                await self._server.end()
            finally:
                self._over.set_result(None)

    def _result(self, end: Ending) -> Result:
        if self._closed:
            raise BoxLost("the sandbox is closed: open another one")
        for capture in self._output:
            while capture.open and not capture.over and capture.pump():
                continue  # until the pipe is empty: no process is left to write more
        if not end.killed and any(capture.over for capture in self._output):
            end.killed = Outcome.OLE
        out, err = (bytes(capture.data) for capture in self._output)
        verdict, code, why = outcome(end, self._limits.cpu_s)
        memory = max(end.peak, end.resident)
        return Result(Outcome(verdict), code, out, err, end.wall_s, end.cpu_s, memory, why)

    async def close(self) -> None:
        """Kill the program and wait for its end."""
        self._closed = True
        self._server.kill()
        await asyncio.shield(self._over)

    def _listen(self) -> None:
        for capture in self._output:
            self._loop.add_reader(capture.file, self._read, capture)
        self._feed.pump()
        if self._feed.open:
            self._loop.add_writer(self._feed.file, self._write)

    def _read(self, capture: Capture) -> None:
        capture.pump()
        if capture.over or not capture.open:
            self._loop.remove_reader(capture.file)
        if capture.over:
            self._server.kill()

    def _write(self) -> None:
        file = self._feed.file
        self._feed.pump()
        if not self._feed.open:
            self._loop.remove_writer(file)

    def _hang_up(self) -> None:
        for capture in self._output:
            self._loop.remove_reader(capture.file)
            capture.close()
        if self._feed.open:
            self._loop.remove_writer(self._feed.file)
            self._feed.close()
