"""A pool's box in somebody's hands: the box itself, and a place in the pool that ends with it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from envgym.sandboxes.base import Sandbox, Session
from envgym.sandboxes.limits import MIB, Limits
from envgym.sandboxes.outcome import Result


class Lender(Protocol):
    """The part of a `Pool` that its leases call back."""

    async def make_room(self) -> None:
        """Give up a warm box if there is no room for one more box."""

    async def lend(self, owner: str, make: Callable[[], Awaitable[Sandbox]]) -> Lease:
        """Lease the box that `make` returns, once the owner may have one more."""
        ...

    def release(self, owner: str, lease: Lease | None = None) -> None:
        """Take back the place of a lease that ended."""


class Lease(Sandbox):
    """A box that nobody used before, and nobody will afterwards.

    Args:
        pool: Whose place it takes.
        owner: Whose share it counts to.
        box: The box.
    """

    def __init__(self, pool: Lender, owner: str, box: Sandbox) -> None:
        self._pool = pool
        self._owner = owner
        self._box = box
        self._closing: asyncio.Task[None] | None = None

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
        """See `Sandbox`; the copy takes a place of its own, and may have to wait for it."""

        async def make() -> Sandbox:
            await self._pool.make_room()
            return await self._box.fork()

        return await self._pool.lend(self._owner, make)

    async def close(self) -> None:
        """See `Sandbox`; the place is free once the box is gone."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        try:
            await self._box.close()
        finally:
            self._pool.release(self._owner, self)


class LeasedSession(Session):
    """A session that is its own box, in somebody's hands: likewise.

    Args:
        pool: Whose place it takes.
        session: The session.
    """

    def __init__(self, pool: Lender, session: Session) -> None:
        self._pool = pool
        self._session = session
        self._open = True
        self.ready = session.ready

    async def run(self, code: str, *, limits: Limits | None = None) -> Result:
        """See `Session`."""
        return await self._session.run(code, limits=limits)

    async def fork(self) -> Session:
        """See `Backend.repl`."""
        return await self._session.fork()

    async def close(self) -> None:
        """See `Session`; the place is free once its box is gone."""
        try:
            await self._session.close()
        finally:
            if self._open:
                self._open = False
                self._pool.release("")
