"""Host's side of a REPL that is the only process of its sandbox.

The REPL is forked like a program that runs once. There is no supervisor, so the host enforces the
limits as a supervisor does for a session. All that arrives from the sandbox is untrusted data of
bounded length: it can misreport its own state only.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable

from envgym.errors import UsageError
from envgym.sandboxes.backends.namespace.fork_server_client import ForkServerClient
from envgym.sandboxes.backends.namespace.messages import BoxEnd
from envgym.sandboxes.backends.namespace.preloaded_harnesses import READY
from envgym.sandboxes.backends.namespace.settings import BoxSettings
from envgym.sandboxes.base import BoxLost, Session, SessionLost
from envgym.sandboxes.limits import Limits
from envgym.sandboxes.outcome import Outcome, Result, read_result
from envgym.sandboxes.supervisor.config import BoxConfig
from envgym.sandboxes.supervisor.limits_watch import SAMPLE_S
from envgym.sandboxes.supervisor.messages import ProgramLimits, Report
from envgym.sandboxes.supervisor.session import InterpreterProcess
from envgym.sandboxes.supervisor.streams.capture import Capture
from envgym.sandboxes.supervisor_client.supervised_sandbox import GRACE_S, lower, repl_source

_SHORT_S = 0.01
"""Calls shorter than this are not polled for limits."""
_SHARE = 0.05
"""Maximum share of this process's time spent on inspecting the processes of one sandbox."""


class ReplBox(Session):
    """A session that is its own sandbox.

    Args:
        server: Fork server that makes the sandbox.
        box: Settings of the sandbox.
        limits: Limits of the sandbox.
        held: Whether a control group enforces them.
        gone: Callback for when the sandbox is gone.

    Raises:
        OSError: This process has no descriptors left.
    """

    ready = frozenset(READY)

    def __init__(
        self,
        server: ForkServerClient,
        box: BoxSettings,
        limits: Limits,
        held: bool,
        gone: Callable[[], None],
    ) -> None:
        self._server = server
        self._limits = limits
        self._asked: Limits | None = None
        self._bounds = limits.values()
        self._gone = gone
        self._loop = asyncio.get_running_loop()
        self._turn = asyncio.Lock()
        self._answer: asyncio.Future[Result] | None = None
        self._tick: asyncio.TimerHandle | None = None
        self._reading = self._writing = False
        self._lost = self._closed = False
        config = BoxConfig(
            held_memory=limits.memory_bytes if held else 0,
            held_processes=limits.processes if held else 0,
            count_processes=True,
            filtered=True,
            counters=server.counters,
        )
        self._process = InterpreterProcess("repl", config, self._bounds)
        control, out, err = self._process.theirs
        try:
            nothing = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self._process.started()
            self._process.close()
            raise
        self._end = server.repl(box, self._bounds, [nothing, out, err, control])
        os.close(nothing)
        self._process.started()
        self._control = self._process.control.fileno()
        self._loop.add_reader(self._control, self._heard)
        self._end.add_done_callback(self._ended)

    async def run(self, code: str, *, limits: Limits | None = None) -> Result:
        """See `Session`."""
        source = repl_source(code)
        bounds = self._lowered(limits)
        async with self._turn:
            if self._lost:
                raise SessionLost("the session has ended: open a new one")
            answer = self._answer = self._loop.create_future()
            try:
                self._process.run(0, source, bounds)
                if self._process.writing:
                    self._writing = True
                    self._loop.add_writer(self._control, self._feed)
                self._tick = self._loop.call_later(_SHORT_S, self._hold)
                return await answer
            except asyncio.CancelledError:
                self._kill()
                raise
            finally:
                self._rest()

    async def fork(self) -> Session:
        """Refuse: the sandbox holds this process alone."""
        raise UsageError(
            "a REPL that is its own sandbox cannot be forked: open a sandbox, fork its REPL"
        )

    async def close(self) -> None:
        """See `Session`. The sandbox is gone afterwards."""
        self._closed = True
        if not self._end.done():
            self._kill()
            await asyncio.shield(self._end)

    def _lowered(self, limits: Limits | None) -> ProgramLimits:
        if limits is not self._asked:  # graders ask with the same again and again
            self._asked, self._bounds = limits, lower(self._limits, limits).values()
        return self._bounds

    def _kill(self) -> None:
        """Kill the sandbox; `_ended` runs once it is gone."""
        self._lost = True
        self._server.kill()

    def _heard(self) -> None:
        process = self._process
        greeted, asked = process.pid != 0, process.call is not None
        status = process.answer()
        if process.hung_up or (greeted and not asked):  # no REPL speaks when it is not asked
            self._loop.remove_reader(self._control)
            self._kill()
        elif status is not None and not self._lost:
            answer = process.finish(status)
            if answer[0]["outcome"] == Outcome.OLE:  # it was over, but past its limit
                self._kill()
            self._settle(answer)

    def _settle(self, answer: tuple[Report, bytes, bytes]) -> None:
        report, *outputs = answer
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(read_result(report, outputs))

    def _hold(self) -> None:
        """Poll a long call: read its output and enforce its limits."""
        call, now = self._process.call, time.monotonic()
        if call is None or self._answer is None:
            return
        if not self._reading and not self._end.done():
            self._reading = True
            for capture in self._process.output:
                self._loop.add_reader(capture.file, self._read, capture)
        if not call.killed:
            call.killed = call.excess(now)
            if call.killed:
                self._kill()
        elif now >= call.deadline + GRACE_S and not self._answer.done():
            why = "it kept its sandbox from ending it"
            out, err = (bytes(capture.data) for capture in self._process.output)
            self._answer.set_result(Result(Outcome.TLE, None, out, err, detail=why))
        took = time.monotonic() - now  # to look at many processes is not to fill this one's time
        soon = min(call.deadline - now, max(call.sampled + SAMPLE_S - now, took / _SHARE))
        self._tick = self._loop.call_later(SAMPLE_S if call.killed else max(soon, 0.0), self._hold)

    def _read(self, capture: Capture) -> None:
        capture.pump()
        if capture.over or not capture.open:
            self._loop.remove_reader(capture.file)
        if capture.over and self._process.call is not None and not self._lost:
            self._process.call.killed = Outcome.OLE
            self._kill()

    def _feed(self) -> None:
        self._process.feed()
        if not self._process.writing:
            self._loop.remove_writer(self._control)

    def _rest(self) -> None:
        """Stop reading after a call; output between calls is discarded."""
        self._answer = None
        if self._tick is not None:
            self._tick.cancel()
        if self._end.done():
            return
        if self._writing:
            self._writing = False
            self._loop.remove_writer(self._control)
        if self._reading:
            self._reading = False
            for capture in self._process.output:
                self._loop.remove_reader(capture.file)

    def _ended(self, end: asyncio.Future[BoxEnd]) -> None:
        """Answer the pending call, if any, now that the sandbox is gone."""
        self._lost = True
        self._loop.remove_reader(self._control)
        self._loop.remove_writer(self._control)
        for capture in self._process.output:
            self._loop.remove_reader(capture.file)
        if self._answer is not None and not self._answer.done():
            call = self._process.call
            if self._closed:
                self._answer.set_exception(BoxLost("the sandbox is closed: open another one"))
            elif (ending := end.result().ending) is None or call is None:
                self._answer.set_exception(self._server.fault())
            else:
                self._settle(self._process.finish(ending.status, cpu_s=call.spent()))
        self._process.close()
        self._gone()
