"""Supervisor loop: start programs, enforce limits, reap leftovers, answer the host.

The supervisor is the one trusted process of a box: one thread, one loop, no state on disk. When its
channel closes it kills everything and ends; where it is PID 1 of its namespace the kernel does that
even if the supervisor cannot.
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

from envgym.sandboxes.supervisor import processes
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

Header = dict[str, Any]
_ARCHIVE = {"wall_s": 120.0, "cpu_s": 120.0, "memory_bytes": 1 << 40, "processes": 1 << 20}


class Supervisor:
    """Serve one channel until it closes.

    Args:
        channel: Channel to the host.
        config: Configuration of the box.
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
            self._reply({"id": session.forking, "session": number})
            session.forking = None
        if session.hung_up:
            if session.pid:
                processes.kill_tree(session.pid, keep=self._mains() - {session.pid})
            else:
                lost = {"error": "lost", "message": "the session ended before it had forked"}
                self._reply({"id": session.forking, **lost})
                session.close()
                del self.sessions[number]
        if status is not None and session.call is not None:
            self._reply(*session.finish(status))

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
            header, out, err = session.finish(status, session.call.spent(), resident)
            self._reply({**header, "ended": True}, out, err)
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
            header, out, err = job.reply()
            if id in self._trusted:
                self._trusted.discard(id)
                self._archived(header, out, err)
            else:
                self._reply(header, out, err)

    def _handle(self, header: Header, parts: list[bytes]) -> None:
        try:
            getattr(self, f"op_{header['op']}")(header, parts)
        except RequestRefused as refused:
            self._reply({"id": header["id"], "error": refused.kind, "message": str(refused)})
        except OSError as error:  # of the box's own making: no process, no memory, no descriptor
            message = f"the box has no room for that: {error}"
            self._reply({"id": header["id"], "error": "usage", "message": message})

    def op_ping(self, header: Header, parts: list[bytes]) -> None:
        """Answer that the supervisor is alive."""
        self._reply({"id": header["id"]})

    def op_exec(self, header: Header, parts: list[bytes]) -> None:
        """Run a program: ``argv``, ``env``; part 0 is its standard input."""
        env = self.config.environment(header["env"])
        self._start(header, parts[0], lambda: execute(header["argv"], env))

    def op_python(self, header: Header, parts: list[bytes]) -> None:
        """Run Python source: ``args``; part 0 is its standard input, part 1 the source."""
        env = self.config.environment()
        code = parts[1].decode("utf-8", "surrogatepass")
        workdir = self.config.workdir
        self._start(header, parts[0], lambda: run_source(code, header["args"], env, workdir))

    def op_write(self, header: Header, parts: list[bytes]) -> None:
        """Write a file: ``path``; part 0 is its content."""
        write_file(self.config.workdir, header["path"], parts[0], owner=self.config.owner)
        self._reply({"id": header["id"]})

    def op_read(self, header: Header, parts: list[bytes]) -> None:
        """Read a file: ``path``, ``limit``."""
        data = read_file(self.config.workdir, header["path"], header["limit"])
        self._reply({"id": header["id"]}, data)

    def op_tar(self, header: Header, parts: list[bytes]) -> None:
        """Archive the working directory: ``limit``."""
        self._archive(header, lambda: pack_folder(self.config, header["limit"]))

    def op_untar(self, header: Header, parts: list[bytes]) -> None:
        """Unpack an archive, part 0, into the working directory."""
        self._archive(header, lambda: unpack_folder(self.config, parts[0]))

    def op_open(self, header: Header, parts: list[bytes]) -> None:
        """Open a session: ``kind``, ``limits``."""
        self._check_room(header["limits"])
        session = InterpreterProcess(header["kind"], self.config, header["limits"])
        session.start()
        self._reply({"id": header["id"], "session": self._add(session)})

    def op_fork(self, header: Header, parts: list[bytes]) -> None:
        """Fork a REPL: ``session``."""
        session = self._session(header)
        if session.kind != "repl":
            raise RequestRefused(
                "usage", "a shell cannot be forked: fork a Python REPL, or the sandbox"
            )
        self._check_room(session.limits)
        copy = InterpreterProcess(session.kind, self.config, session.limits)
        copy.forking = header["id"]
        session.fork_into(copy)
        self._add(copy)

    def op_run(self, header: Header, parts: list[bytes]) -> None:
        """Run code, part 0, in a session: ``session``, ``limits``."""
        session = self._session(header)
        if session.call is not None and session.call.killed:
            raise RequestRefused("lost", "the session is being ended: open a new one")
        if session.call is not None or session.forking is not None:
            raise RequestRefused("usage", "the session is still running: wait for its answer")
        session.run(header["id"], parts[0], header["limits"])

    def op_end(self, header: Header, parts: list[bytes]) -> None:
        """End a session: ``session``."""
        session = self.sessions.get(header["session"])
        if session is not None:
            session.ending = True
            processes.kill_tree(session.pid, keep=self._mains() - {session.pid})
        self._reply({"id": header["id"]})

    def op_cancel(self, header: Header, parts: list[bytes]) -> None:
        """Kill the run of an earlier request, ``target``, which is still answered."""
        for user in self._users():
            if user.call is not None and user.call.id == header["target"]:
                user.call.killed = user.call.killed or "TLE"
                processes.kill_tree(user.pid, keep=self._mains() - {user.pid})

    def _start(self, header: Header, stdin: bytes, body: Callable[[], Any]) -> None:
        id = header["id"]
        self.jobs[id] = Job(id, self.config, header["limits"], body, stdin)

    def _archive(self, header: Header, work: Callable[[], None]) -> None:
        """Run archive code in a child process beside the loop, as a job without confinement."""
        id, room = header["id"], 1 << 30
        limits = {**_ARCHIVE, "output_bytes": room, "file_bytes": room, "open_files": 4096}
        most = 1 << 62
        trusted = BoxConfig(self.config.workdir, held_memory=most, held_processes=most)
        self._trusted.add(id)
        self.jobs[id] = Job(id, trusted, limits, lambda: report(work), b"")

    def _archived(self, header: Header, out: bytes, err: bytes) -> None:
        if header["outcome"] == "OK":
            self._reply({"id": header["id"]}, out)
            return
        try:
            said = json.loads(err)
        except ValueError:
            message = f"the archive's process ended with {header['outcome']}"
            said = {"error": "usage", "message": message}
        self._reply({"id": header["id"], **said})

    def _session(self, header: Header) -> InterpreterProcess:
        session = self.sessions.get(header["session"])
        if session is None or session.ending:
            raise RequestRefused("lost", "the session has ended: open a new one")
        return session

    def _check_room(self, limits: dict[str, Any]) -> None:
        if len(self.sessions) >= limits["processes"]:
            raise RequestRefused(
                "usage", f"{len(self.sessions)} sessions are open: close some first"
            )

    def _add(self, session: InterpreterProcess) -> int:
        number, self._next_session = self._next_session, self._next_session + 1
        self.sessions[number] = session
        return number

    def _reply(self, header: Header, *parts: bytes) -> None:
        self.channel.put(header, *parts)
