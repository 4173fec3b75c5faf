"""Supervisor loop: start programs, enforce limits, reap leftovers, answer the host.

The supervisor is the one trusted process of a sandbox: one thread, one loop, no state on disk. When
its channel closes it kills everything and ends; where it is PID 1 of its namespace the kernel does
that even if the supervisor cannot.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

from envgym.sandboxes.supervisor import messages, processes
from envgym.sandboxes.supervisor.child.launch import adopt_orphans, execute
from envgym.sandboxes.supervisor.child.run_source import run_source
from envgym.sandboxes.supervisor.child.std_streams import make_streams
from envgym.sandboxes.supervisor.config import BoxConfig
from envgym.sandboxes.supervisor.files import RequestRefused, read_file, write_file
from envgym.sandboxes.supervisor.limits_watch import SAMPLE_S
from envgym.sandboxes.supervisor.program import Job
from envgym.sandboxes.supervisor.session import InterpreterProcess
from envgym.sandboxes.supervisor.streams.channel import Channel
from envgym.sandboxes.supervisor.workdir_tar import pack_folder, report, unpack_folder

_ARCHIVE: messages.ProgramLimits = {
    "wall_s": 120.0,
    "cpu_s": 120.0,
    "memory_bytes": 1 << 40,
    "processes": 1 << 20,
    "file_bytes": 1 << 30,
    "disk_bytes": 1 << 30,
    "output_bytes": 1 << 30,
    "stdin_bytes": 0,
    "int_digits": 0,
    "open_files": 4096,
}


class Supervisor:
    """Serve one channel until it closes.

    Args:
        channel: Channel to the host.
        config: Configuration of the sandbox.
    """

    def __init__(self, channel: Channel, config: BoxConfig) -> None:
        self.channel = channel
        self.config = config
        self.jobs: dict[int, Job] = {}
        self.sessions: dict[int, InterpreterProcess] = {}
        self._trusted: set[int] = set()
        self._next_session = 1
        self._wake, waker = os.pipe()
        for file in (self._wake, waker):
            os.set_blocking(file, False)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        adopt_orphans()

    def serve(self) -> None:
        """Work until the channel closes; then kill all remaining processes."""
        make_streams()
        gc.freeze()  # what is here now is shared with every program, and never collected
        try:
            while self._turn():
                continue
        finally:
            for job in self.jobs.values():
                processes.kill_tree(job.pid)
            for session in self.sessions.values():
                processes.kill_tree(session.pid)
            processes.sweep(set())

    def _turn(self) -> bool:
        """Wait for events and handle them; return False once the channel is closed."""
        ready = self._wait()
        for file in ready & {self._wake}:
            os.read(file, 4096)
        self._pump(ready)
        self._reap()
        self._hold_limits()
        self._finish_jobs()
        for header, parts in self.channel.receive() if self.channel.file in ready else ():
            self._handle(header, parts)
        self.channel.send()
        return self.channel.open

    def _wait(self) -> set[int]:
        poll = select.poll()  # not `selectors`: each function that runs is a page copied by a fork
        poll.register(self._wake, select.POLLIN)
        for file, mask in self._files():
            poll.register(file, mask)
        patience = self._patience(time.monotonic())
        return {file for file, _ in poll.poll(None if patience is None else 1000 * patience)}

    def _files(self) -> Iterator[tuple[int, int]]:
        events: dict[int, int] = {self.channel.file: select.POLLIN}
        if self.channel.waiting:
            out = self.channel.out_file
            events[out] = events.get(out, 0) | select.POLLOUT
        for user in self._users():
            for file in user.reading:
                events[file] = events.get(file, 0) | select.POLLIN
            for file in user.writing:
                events[file] = events.get(file, 0) | select.POLLOUT
        yield from events.items()

    def _users(self) -> list[Job | InterpreterProcess]:
        return [*self.jobs.values(), *self.sessions.values()]

    def _patience(self, now: float) -> float | None:
        """Seconds until the next limit check."""
        calls = [user.call for user in self._users() if user.call is not None]
        if not calls:
            return None
        return max(min(min(c.deadline, c.sampled + SAMPLE_S) for c in calls) - now, 0.0)

    def _pump(self, ready: set[int]) -> None:
        for user in self._users():
            for capture in user.output:
                if capture.file in ready:
                    capture.pump()
            if ready.intersection(user.writing):
                user.feed()
        for number, session in list(self.sessions.items()):
            if session.call is None:
                session.idle()
            if not session.hung_up and session.control.fileno() in ready:
                self._session_spoke(number, session)

    def _session_spoke(self, number: int, session: InterpreterProcess) -> None:
        status = session.answer()
        if session.forking is not None and session.pid:
            self._reply(id=session.forking, session=number)
            session.forking = None
        if session.hung_up:
            if session.pid:
                processes.kill_tree(session.pid, keep=self._mains() - {session.pid})
            else:
                why = "the session ended before it had forked"
                self._reply(id=session.forking, error="lost", message=why)
                session.close()
                del self.sessions[number]
        if status is not None and session.call is not None:
            report, out, err = session.finish(status)
            self._reply(out, err, **report)

    def _reap(self) -> None:
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._ended(pid, status, usage.ru_utime + usage.ru_stime, usage.ru_maxrss << 10)

    def _ended(self, pid: int, status: int, cpu_s: float, resident: int) -> None:
        for job in self.jobs.values():
            if job.pid == pid and job.ended is None:
                left = processes.left(self._mains() - {pid}) if job.call.counts_tasks else 0
                job.exited(status, cpu_s, resident, left)
                processes.sweep(self._mains())
        for number, session in list(self.sessions.items()):
            if session.pid == pid:
                self._session_ended(number, session, status, resident)

    def _session_ended(
        self, number: int, session: InterpreterProcess, status: int, resident: int
    ) -> None:
        if session.call is not None:
            report, out, err = session.finish(status, session.call.spent(), resident)
            self._reply(out, err, **report, ended=True)
        session.close()
        del self.sessions[number]
        processes.sweep(self._mains())

    def _mains(self) -> set[int]:
        jobs = {job.pid for job in self.jobs.values() if job.ended is None}
        return jobs | {s.pid for s in self.sessions.values() if s.pid}

    def _hold_limits(self) -> None:
        now = time.monotonic()
        for user in self._users():
            call = user.call
            if call is None or call.killed or (isinstance(user, Job) and user.ended is not None):
                continue
            call.killed = call.excess(now)
            if call.killed:
                processes.kill_tree(user.pid, keep=self._mains() - {user.pid})

    def _finish_jobs(self) -> None:
        now = time.monotonic()
        for id, job in list(self.jobs.items()):
            if not job.drained(now):
                continue
            del self.jobs[id]
            report, out, err = job.reply()
            if id in self._trusted:
                self._trusted.discard(id)
                self._archived(report, out, err)
            else:
                self._reply(out, err, **report)

    def _handle(self, header: dict[str, Any], parts: list[bytes]) -> None:
        id = header["id"]
        try:
            getattr(self, f"op_{header['op']}")(id, header, parts)
        except RequestRefused as refused:
            self._reply(id=id, error=refused.kind, message=str(refused))
        except OSError as error:  # of the sandbox's making: no process, no memory, no descriptor
            why = f"the sandbox has no room for that: {error}"
            self._reply(id=id, error="usage", message=why)

    def op_ping(self, id: int, request: messages.Ping, parts: list[bytes]) -> None:
        """Answer that the supervisor is alive."""
        self._reply(id=id)

    def op_exec(self, id: int, request: messages.Exec, parts: list[bytes]) -> None:
        """Run a program."""
        argv, env = request["argv"], self.config.environment(request["env"])
        self._start(id, request["limits"], parts[0], lambda: execute(argv, env))

    def op_python(self, id: int, request: messages.Python, parts: list[bytes]) -> None:
        """Run Python source."""
        env, workdir = self.config.environment(), self.config.workdir
        stdin, source = parts
        code, args = source.decode("utf-8", "surrogatepass"), request["args"]
        self._start(id, request["limits"], stdin, lambda: run_source(code, args, env, workdir))

    def op_write(self, id: int, request: messages.Write, parts: list[bytes]) -> None:
        """Write a file."""
        write_file(self.config.workdir, request["path"], parts[0], owner=self.config.owner)
        self._reply(id=id)

    def op_read(self, id: int, request: messages.Read, parts: list[bytes]) -> None:
        """Read a file."""
        self._reply(read_file(self.config.workdir, request["path"], request["limit"]), id=id)

    def op_tar(self, id: int, request: messages.Tar, parts: list[bytes]) -> None:
        """Archive the working directory."""
        self._archive(id, lambda: pack_folder(self.config, request["limit"]))

    def op_untar(self, id: int, request: messages.Untar, parts: list[bytes]) -> None:
        """Unpack an archive into the working directory."""
        self._archive(id, lambda: unpack_folder(self.config, parts[0]))

    def op_open(self, id: int, request: messages.Open, parts: list[bytes]) -> None:
        """Open a session."""
        self._check_room(request["limits"])
        session = InterpreterProcess(request["kind"], self.config, request["limits"])
        session.start()
        self._reply(id=id, session=self._add(session))

    def op_fork(self, id: int, request: messages.Fork, parts: list[bytes]) -> None:
        """Fork a REPL."""
        session = self._session(request["session"])
        if session.kind != "repl":
            raise RequestRefused(
                "usage", "a shell cannot be forked: fork a Python REPL, or the sandbox"
            )
        self._check_room(session.limits)
        copy = InterpreterProcess(session.kind, self.config, session.limits)
        copy.forking = id
        session.fork_into(copy)
        self._add(copy)

    def op_run(self, id: int, request: messages.Run, parts: list[bytes]) -> None:
        """Run code in a session."""
        session = self._session(request["session"])
        if session.call is not None and session.call.killed:
            raise RequestRefused("lost", "the session is being ended: open a new one")
        if session.call is not None or session.forking is not None:
            raise RequestRefused("usage", "the session is still running: wait for its answer")
        session.run(id, parts[0], request["limits"])

    def op_end(self, id: int, request: messages.End, parts: list[bytes]) -> None:
        """End a session."""
        session = self.sessions.get(request["session"])
        if session is not None:
            session.ending = True
            processes.kill_tree(session.pid, keep=self._mains() - {session.pid})
        self._reply(id=id)

    def op_cancel(self, id: int, request: messages.Cancel, parts: list[bytes]) -> None:
        """Kill the run of an earlier request."""
        for user in self._users():
            if user.call is not None and user.call.id == request["target"]:
                user.call.killed = user.call.killed or "TLE"
                processes.kill_tree(user.pid, keep=self._mains() - {user.pid})

    def _start(
        self, id: int, limits: messages.ProgramLimits, stdin: bytes, body: Callable[[], Any]
    ) -> None:
        self.jobs[id] = Job(id, self.config, limits, body, stdin)

    def _archive(self, id: int, work: Callable[[], None]) -> None:
        """Run archive code in a child process beside the loop, as a job without confinement."""
        most = 1 << 62
        trusted = BoxConfig(self.config.workdir, held_memory=most, held_processes=most)
        self._trusted.add(id)
        self.jobs[id] = Job(id, trusted, _ARCHIVE, lambda: report(work), b"")

    def _archived(self, report: messages.Report, out: bytes, err: bytes) -> None:
        id = report["id"]
        if report["outcome"] == "OK":
            self._reply(out, id=id)
            return
        try:
            said = json.loads(err)
        except ValueError:
            why = f"the archive's process ended with {report['outcome']}"
            said = {"error": "usage", "message": why}
        self._reply(id=id, **said)

    def _session(self, number: int) -> InterpreterProcess:
        session = self.sessions.get(number)
        if session is None or session.ending:
            raise RequestRefused("lost", "the session has ended: open a new one")
        return session

    def _check_room(self, limits: messages.ProgramLimits) -> None:
        if len(self.sessions) >= limits["processes"]:
            raise RequestRefused(
                "usage", f"{len(self.sessions)} sessions are open: close some first"
            )

    def _add(self, session: InterpreterProcess) -> int:
        number, self._next_session = self._next_session, self._next_session + 1
        self.sessions[number] = session
        return number

    def _reply(self, *parts: bytes, **header: Any) -> None:
        self.channel.put(header, *parts)
