"""Operations of the service: each calls the sandbox method of its name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from envgym.errors import UsageError
from envgym.sandboxes.base import Sandbox, Session, SessionLost
from envgym.sandboxes.limits import Limits
from envgym.sandboxes.outcome import Result
from envgym.sandboxes.pool.pool import Pool
from envgym.sandboxes.service.answers import OpenedBox, OpenedSession
from envgym.sandboxes.service.box_leases import BoxLease, BoxLeases
from envgym.sandboxes.service.config import ServiceConfig
from envgym.sandboxes.service.protocol import result_header
from envgym.sandboxes.service.schemas import (
    CodeRequest,
    EmptyRequest,
    ExecRequest,
    OpenRequest,
    PythonRequest,
    ReadRequest,
    RunExec,
    RunPython,
    SessionRequest,
    WriteRequest,
    expect,
    parse,
    source,
)
from envgym.sandboxes.supervisor.streams.frames import Frame

Header = dict[str, Any]
Parts = list[bytes]
OPERATIONS = ("exec", "python", "write", "read", "snapshot", "fork", "session", "run")


class Operations:
    """Operations over one pool.

    Args:
        pool: Pool of sandboxes.
        config: Bounds of the service.
        ran: Called with every program's result.
    """

    def __init__(self, pool: Pool, config: ServiceConfig, ran: Callable[[Result], None]) -> None:
        self._pool = pool
        self._config = config
        self._ran = ran
        self.leases = BoxLeases(config)
        self._on_box: dict[str, Callable[[BoxLease, Header, Parts], Awaitable[Frame]]] = {
            "exec": self._exec,
            "python": self._python,
            "write": self._write,
            "read": self._read,
            "snapshot": self._snapshot,
            "fork": self._fork,
            "session": self._session,
        }

    async def run(self, owner: str, header: Header, parts: Parts) -> Frame:
        """Run a program in its own sandbox, which is closed afterwards."""
        language = header.get("language")
        if language == "python":
            python = parse(RunPython, header)
            async with await self._fresh(owner, python.limits) as box:
                return await self._run_python(box, python, parts, None)
        if language == "exec":
            program = parse(RunExec, header)
            async with await self._fresh(owner, program.limits) as box:
                return await self._run_exec(box, program, parts, None)
        raise UsageError(f"bad request: language {language!r}: give 'python' or 'exec'")

    async def open(self, owner: str, header: Header, parts: Parts) -> Frame:
        """Open a sandbox."""
        limits = self._allowed(parse(OpenRequest, header).limits)
        if len(parts) > 1:
            raise UsageError(f"bad request: {len(parts)} parts, not at most 1")
        snapshot = parts[0] if parts else None
        box = await self._pool.owner(owner).open(limits=limits, snapshot=snapshot)
        id = self.leases.add(owner, box).id
        return Frame(OpenedBox(box=id).model_dump(), [])

    async def on_box(self, owner: str, id: str, name: str, header: Header, parts: Parts) -> Frame:
        """Run an operation on a leased sandbox."""
        if name not in self._on_box:
            raise UsageError(
                f"no operation {name!r} on a sandbox: one of {', '.join(self._on_box)}"
            )
        with self.leases.using(owner, id) as lease:
            return await self._on_box[name](lease, header, parts)

    async def on_session(
        self, owner: str, id: str, session: str, name: str, header: Header, parts: Parts
    ) -> Frame:
        """Run an operation on a session of a leased sandbox."""
        with self.leases.using(owner, id) as lease:
            if name == "run":
                request = parse(CodeRequest, header)
                code = source(expect(parts, 1)[0])
                limits = self._allowed(request.limits)
                try:
                    return self._result(await lease.session(session).run(code, limits=limits))
                except SessionLost:
                    lease.sessions.pop(session, None)  # its place is another's
                    raise
            if name == "fork":
                parse(EmptyRequest, header)
                self.leases.has_room(lease)
                copy = await lease.session(session).fork()
                return self._opened(lease, copy)
        raise UsageError(f"no operation {name!r} on a session: run or fork")

    async def close_session(self, owner: str, id: str, session: str) -> Frame:
        """End a session; a missing one is fine."""
        with self.leases.using(owner, id) as lease:
            gone = lease.sessions.pop(session, None)
            if gone is not None:
                await gone.close()
        return Frame({}, [])

    async def close_box(self, owner: str, id: str) -> Frame:
        """Close a sandbox."""
        await self.leases.close(owner, id)
        return Frame({}, [])

    async def _exec(self, lease: BoxLease, header: Header, parts: Parts) -> Frame:
        request = parse(ExecRequest, header)
        return await self._run_exec(lease.box, request, parts, self._allowed(request.limits))

    async def _python(self, lease: BoxLease, header: Header, parts: Parts) -> Frame:
        request = parse(PythonRequest, header)
        return await self._run_python(lease.box, request, parts, self._allowed(request.limits))

    async def _write(self, lease: BoxLease, header: Header, parts: Parts) -> Frame:
        await lease.box.write(parse(WriteRequest, header).path, expect(parts, 1)[0])
        return Frame({}, [])

    async def _read(self, lease: BoxLease, header: Header, parts: Parts) -> Frame:
        request = parse(ReadRequest, header)
        expect(parts, 0)
        return Frame({}, [await lease.box.read(request.path, limit=request.limit)])

    async def _snapshot(self, lease: BoxLease, header: Header, parts: Parts) -> Frame:
        parse(EmptyRequest, header)
        return Frame({}, [await lease.box.snapshot()])

    async def _fork(self, lease: BoxLease, header: Header, parts: Parts) -> Frame:
        parse(EmptyRequest, header)
        id = self.leases.add(lease.owner, await lease.box.fork()).id
        return Frame(OpenedBox(box=id).model_dump(), [])

    async def _session(self, lease: BoxLease, header: Header, parts: Parts) -> Frame:
        request = parse(SessionRequest, header)
        self.leases.has_room(lease)
        box = lease.box
        session = await (box.shell() if request.kind == "shell" else box.repl())
        return self._opened(lease, session)

    async def _run_exec(
        self, box: Sandbox, request: ExecRequest, parts: Parts, limits: Limits | None
    ) -> Frame:
        stdin = expect(parts, 1)[0]
        return self._result(
            await box.exec(request.argv, stdin=stdin, env=request.env, limits=limits)
        )

    async def _run_python(
        self, box: Sandbox, request: PythonRequest, parts: Parts, limits: Limits | None
    ) -> Frame:
        stdin, code = expect(parts, 2)
        return self._result(
            await box.python(source(code), args=request.args, stdin=stdin, limits=limits)
        )

    async def _fresh(self, owner: str, limits: Limits | None) -> Sandbox:
        return await self._pool.owner(owner).open(limits=self._allowed(limits))

    def _opened(self, lease: BoxLease, session: Session) -> Frame:
        id = self.leases.add_session(lease, session)
        return Frame(OpenedSession(session=id).model_dump(), [])

    def _result(self, result: Result) -> Frame:
        self._ran(result)
        return Frame(result_header(result), [result.stdout, result.stderr])

    def _allowed(self, limits: Limits | None) -> Limits | None:
        return None if limits is None else self._config.allow(limits)
