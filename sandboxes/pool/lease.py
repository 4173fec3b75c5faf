"""Leases of a pool's boxes: the box, and its slot in the pool, which the lease frees at its end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from envgym.sandboxes.base import Sandbox, Session
from envgym.sandboxes.delegating import DelegatingSandbox, DelegatingSession

if TYPE_CHECKING:
    from envgym.sandboxes.pool.pool import Pool


class Lease(DelegatingSandbox):
    """A box for exclusive, single use.

    Args:
        pool: Pool whose slot it takes.
        owner: Owner whose share it counts to.
        box: The box.
    """

    def __init__(self, pool: Pool, owner: str, box: Sandbox) -> None:
        super().__init__(box)
        self._pool = pool
        self._owner = owner
        self._closing: asyncio.Task[None] | None = None

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
            await super().close()
        finally:
            self._pool.release(self._owner, self)


class LeasedSession(DelegatingSession):
    """A leased session that is its own box.

    Args:
        pool: Pool whose slot it takes.
        session: The session.
    """

    def __init__(self, pool: Pool, session: Session) -> None:
        super().__init__(session)
        self._pool = pool
        self._open = True

    async def close(self) -> None:
        """See `Session`. The slot is free once its box is gone."""
        try:
            await super().close()
        finally:
            if self._open:
                self._open = False
                self._pool.release("")
