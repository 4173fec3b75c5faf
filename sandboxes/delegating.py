"""A sandbox and a session that hand every call on to another one.

A wrapper subclasses them and overrides what differs, such as what closing does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from envgym.sandboxes.base import Sandbox, Session
from envgym.sandboxes.limits import MIB, Limits
from envgym.sandboxes.outcome import Result


class DelegatingSandbox(Sandbox):
    """A sandbox that hands every call on to `box`."""

    def __init__(self, box: Sandbox) -> None:
        self._box = box

    async def exec(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        limits: Limits | None = None,
    ) -> Result:
        """See `Sandbox`."""
        return await self._box.exec(argv, stdin=stdin, env=env, limits=limits)

    async def python(
        self,
        code: str,
        *,
        args: Sequence[str] = (),
        stdin: bytes = b"",
        limits: Limits | None = None,
    ) -> Result:
        """See `Sandbox`."""
        return await self._box.python(code, args=args, stdin=stdin, limits=limits)

    async def write(self, path: str, data: bytes) -> None:
        """See `Sandbox`."""
        await self._box.write(path, data)

    async def read(self, path: str, *, limit: int = 16 * MIB) -> bytes:
        """See `Sandbox`."""
        return await self._box.read(path, limit=limit)

    async def shell(self) -> Session:
        """See `Sandbox`."""
        return await self._box.shell()

    async def repl(self) -> Session:
        """See `Sandbox`."""
        return await self._box.repl()

    async def snapshot(self) -> bytes:
        """See `Sandbox`."""
        return await self._box.snapshot()

    async def fork(self) -> Sandbox:
        """See `Sandbox`."""
        return await self._box.fork()

    async def close(self) -> None:
        """See `Sandbox`."""
        await self._box.close()


class DelegatingSession(Session):
    """A session that hands every call on to `session`."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.ready = session.ready

    async def run(self, code: str, *, limits: Limits | None = None) -> Result:
        """See `Session`."""
        return await self._session.run(code, limits=limits)

    async def fork(self) -> Session:
        """See `Session`."""
        return await self._session.fork()

    async def close(self) -> None:
        """See `Session`."""
        await self._session.close()
