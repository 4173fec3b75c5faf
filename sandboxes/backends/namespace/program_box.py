"""One program's run in a box of its own, as the host holds it: its pipes, and its end."""

from __future__ import annotations

import asyncio
import os

from envgym.sandboxes.backends.namespace.fork_server_client import Place
from envgym.sandboxes.backends.namespace.settings import BoxSettings
from envgym.sandboxes.base import BoxLost
from envgym.sandboxes.limits import Limits
from envgym.sandboxes.outcome import Outcome, Result
from envgym.sandboxes.supervisor.classify_exit import Ending, outcome
from envgym.sandboxes.supervisor.streams.capture import Capture, pipes
from envgym.sandboxes.supervisor.streams.stdin_writer import Feed
from envgym.sandboxes.supervisor_client.supervised_sandbox import GRACE_S


class Run:
    """A run.

    Args:
        place: Where its box is made.
        box: The box's settings.
        limits: The program's.
        data: Its source and, right after it, its standard input.
        source_bytes: How much of that is source.

    Raises:
        OSError: This process has no descriptors left.
    """

    def __init__(
        self, place: Place, box: BoxSettings, limits: Limits, data: bytes, source_bytes: int
    ) -> None:
        self._place = place
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._closed = False
        self._over: asyncio.Future[None] = self._loop.create_future()
        inside, to_stdin, out, out_inside, err, err_inside = pipes(3)
        self._feed = Feed(to_stdin, data)
        most = limits.output_bytes
        self._output = Capture(out, most), Capture(err, most)
        theirs = [inside, out_inside, err_inside]
        place.run(box, limits.model_dump(), source_bytes, theirs)
        for file in theirs:
            os.close(file)

    async def result(self) -> Result:
        """What came of it; its box is gone when this returns or raises.

        Raises:
            BoxLost: `close` was called meanwhile.
            Fault: The sandbox broke.
        """
        try:
            self._listen()
            async with asyncio.timeout(self._limits.wall_s + GRACE_S):
                end = await self._place.ending()
            return self._result(end)
        except TimeoutError:
            return Result(Outcome.TLE, None, detail="it kept its box from ending it")
        finally:
            self._hang_up()
            try:
                await self._place.end()
            finally:
                self._over.set_result(None)

    def _result(self, end: Ending) -> Result:
        if self._closed:
            raise BoxLost("the box is closed: open another one")
        for capture in self._output:
            while capture.open and not capture.over and capture.pump():
                continue  # until nothing is left: nobody is there who could write more
        if not end.killed and any(capture.over for capture in self._output):
            end.killed = Outcome.OLE
        out, err = (bytes(capture.data) for capture in self._output)
        verdict, code, why = outcome(end, self._limits.cpu_s)
        memory = max(end.peak, end.resident)
        return Result(Outcome(verdict), code, out, err, end.wall_s, end.cpu_s, memory, why)

    async def close(self) -> None:
        """End it, and wait for that."""
        self._closed = True
        self._place.kill()
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
            self._place.kill()

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
