"""Remote backend: sandboxes on another machine, with the same calls and errors.

A failure of the network or of the service is a `Fault` of kind ``infra`` once retries have failed;
a retried request keeps its id and is executed once.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from envgym.errors import EnvgymError, UsageError
from envgym.sandboxes.backends.remote.client import Caller
from envgym.sandboxes.base import Backend, Sandbox, Session
from envgym.sandboxes.limits import MIB, Limits
from envgym.sandboxes.outcome import Outcome, Result, read_result
from envgym.sandboxes.service.answers import OpenedBox, OpenedSession, content, parse_answer
from envgym.sandboxes.supervisor.streams.frames import Frame
from envgym.sandboxes.supervisor_client.supervised_sandbox import GRACE_S, longer_than_any

_CLOSING_S = 1.0  # of trouble that a close outlasts: the lease of what is left ends by itself


class RemoteBackend(Backend):
    """Open sandboxes at a service.

    Args:
        url: Address of the service, such as ``http://127.0.0.1:8700``.
        token_file: File with the token, which never appears in an argument or a message.
        patience_s: Seconds of trouble (no connection, 5xx, no room) that a request survives.
    """

    name = "remote"

    def __init__(self, url: str, token_file: str | Path, *, patience_s: float = 30.0) -> None:
        self.isolation = f"that of the service at {url}, on its machine"
        self._caller = Caller(url, Path(token_file), patience_s)
        self._boxes: set[RemoteBox] = set()

    async def open(self, *, limits: Limits | None = None, snapshot: bytes | None = None) -> Sandbox:
        """See `Backend`."""
        bounds = limits or Limits()
        parts = () if snapshot is None else (snapshot,)
        answer = await self._caller.call("/v1/boxes", _with(limits), *parts)
        return self._box(parse_answer(OpenedBox, answer).box, bounds)

    async def run_python(
        self, code: str, *, stdin: bytes = b"", limits: Limits | None = None
    ) -> Result:
        """See `Backend`; takes one request."""
        header = {"language": "python", **_with(limits)}
        parts = stdin, code.encode("utf-8", "surrogatepass")
        runs_s = (limits or Limits()).wall_s + GRACE_S
        return read_result(*await self._caller.call("/v1/run", header, *parts, runs_s=runs_s))

    async def close(self) -> None:
        """See `Backend`."""
        await asyncio.gather(*(box.close() for box in list(self._boxes)))
        await self._caller.close()

    def _box(self, id: str, limits: Limits) -> RemoteBox:
        box = RemoteBox(self, self._caller, id, limits)
        self._boxes.add(box)
        return box


class RemoteBox(Sandbox):
    """A sandbox of the service, by its id."""

    def __init__(self, backend: RemoteBackend, caller: Caller, id: str, limits: Limits) -> None:
        self.limits = limits
        self._backend = backend
        self._caller = caller
        self._path = f"/v1/boxes/{id}"

    async def exec(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        limits: Limits | None = None,
    ) -> Result:
        """See `Sandbox`."""
        if longer_than_any(argv, env or {}):
            return Result(Outcome.RE, 126, stderr=b"argument list too long\n")
        header = {"argv": [*argv], "env": dict(env or {}), **_with(limits)}
        return await self.run("/exec", header, limits, stdin)

    async def python(
        self,
        code: str,
        *,
        args: Sequence[str] = (),
        stdin: bytes = b"",
        limits: Limits | None = None,
    ) -> Result:
        """See `Sandbox`."""
        source = code.encode("utf-8", "surrogatepass")
        header = {"args": [*args], **_with(limits)}
        return await self.run("/python", header, limits, stdin, source)

    async def write(self, path: str, data: bytes) -> None:
        """See `Sandbox`."""
        await self.ask("/write", {"path": path}, data)

    async def read(self, path: str, *, limit: int = 16 * MIB) -> bytes:
        """See `Sandbox`."""
        return content(await self.ask("/read", {"path": path, "limit": limit}))

    async def shell(self) -> Session:
        """See `Sandbox`."""
        return await self._session("shell")

    async def repl(self) -> Session:
        """See `Sandbox`."""
        return await self._session("repl")

    async def snapshot(self) -> bytes:
        """See `Sandbox`."""
        return content(await self.ask("/snapshot", {}))

    async def fork(self) -> Sandbox:
        """See `Sandbox`."""
        answer = await self.ask("/fork", {})
        return self._backend._box(parse_answer(OpenedBox, answer).box, self.limits)

    async def close(self) -> None:
        """See `Sandbox`."""
        if self in self._backend._boxes:
            self._backend._boxes.discard(self)
            await self._caller.end(self._path, _CLOSING_S)

    async def ask(self, path: str, header: dict[str, Any], *parts: bytes) -> Frame:
        """Send a request about this sandbox."""
        self._check_open()
        return await self._caller.call(self._path + path, header, *parts)

    async def run(
        self, path: str, header: dict[str, Any], limits: Limits | None, *parts: bytes
    ) -> Result:
        """Send a request that runs a program in this sandbox."""
        self._check_open()
        bounds = limits or self.limits
        where = self._path + path
        runs_s = bounds.wall_s + GRACE_S
        return read_result(*await self._caller.call(where, header, *parts, runs_s=runs_s))

    async def end(self, path: str) -> None:
        """End a session of this sandbox."""
        if self in self._backend._boxes:
            await self._caller.end(self._path + path, _CLOSING_S)

    def _check_open(self) -> None:
        if self not in self._backend._boxes:
            raise UsageError("the sandbox is closed: open another one")

    async def _session(self, kind: str) -> Session:
        answer = await self.ask("/session", {"kind": kind})
        return RemoteSession(self, parse_answer(OpenedSession, answer).session)


class RemoteSession(Session):
    """A session of a remote sandbox."""

    def __init__(self, box: RemoteBox, id: str) -> None:
        self._box = box
        self._path = f"/sessions/{id}"
        self._turn = asyncio.Lock()

    async def run(self, code: str, *, limits: Limits | None = None) -> Result:
        """See `Session`."""
        source = code.encode("utf-8", "surrogatepass")
        async with self._turn:
            return await self._box.run(self._path + "/run", _with(limits), limits, source)

    async def fork(self) -> Session:
        """See `Session`."""
        async with self._turn:
            answer = await self._box.ask(self._path + "/fork", {})
        return RemoteSession(self._box, parse_answer(OpenedSession, answer).session)

    async def close(self) -> None:
        """See `Session`."""
        with contextlib.suppress(EnvgymError):
            await self._box.end(self._path)


def _with(limits: Limits | None) -> dict[str, Any]:
    return {} if limits is None else {"limits": limits.model_dump()}
