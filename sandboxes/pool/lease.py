"""Leases of a pool's boxes: the box, and its slot in the pool, which the lease frees at its end."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from envgym.sandboxes.base import Sandbox, Session
from envgym.sandboxes.limits import MIB, Limits
from envgym.sandboxes.outcome import Result

if TYPE_CHECKING:
    from envgym.sandboxes.pool.pool import Pool


class Lease(Sandbox):
    """A box for exclusive, single use.

    Args:
        pool: Pool whose slot it takes.
        owner: Owner whose share it counts to.
        box: The box.
    """

    def __init__(self, pool: Pool, owner: str, box: Sandbox) -> None:
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
        """See `Sandbox`. The copy takes a slot of its own, and may wait for it."""

        async def make() -> Sandbox:
            await self._pool.make_room()
            return await self._box.fork()

        return await self._pool.lend(self._owner, make)

    async def close(self) -> None:
        """See `Sandbox`. The slot is free once the box is gone."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        try:
            await self._box.close()
        finally:
            self._pool.release(self._owner, self)


class LeasedSession(Session):
    """A leased session that is its own box.

    Args:
        pool: Pool whose slot it takes.
        session: The session.
    """

    def __init__(self, pool: Pool, session: Session) -> None:
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
        """See `Session`. The slot is free once its box is gone."""
        try:
            await self._session.close()
        finally:
            if self._open:
                self._open = False
                self._pool.release("")
