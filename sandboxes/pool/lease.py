"""A pool's box in somebody's hands: the box itself, and a place in the pool that ends with it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from envgym.sandboxes.base import Sandbox, Session
from envgym.sandboxes.delegating import DelegatingSandbox, DelegatingSession

if TYPE_CHECKING:
    from envgym.sandboxes.pool.pool import Pool


class Lease(DelegatingSandbox):
    """A box that nobody used before, and nobody will afterwards.

    Args:
        pool: Whose place it takes.
        owner: Whose share it counts to.
        box: The box.
    """

    def __init__(self, pool: Pool, owner: str, box: Sandbox) -> None:
        super().__init__(box)
        self._pool = pool
        self._owner = owner
        self._closing: asyncio.Task[None] | None = None

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
            await super().close()
        finally:
            self._pool.release(self._owner, self)


class LeasedSession(DelegatingSession):
    """A session that is its own box, in somebody's hands: likewise.

    Args:
        pool: Whose place it takes.
        session: The session.
    """

    def __init__(self, pool: Pool, session: Session) -> None:
        super().__init__(session)
        self._pool = pool
        self._open = True

    async def close(self) -> None:
        """See `Session`; the place is free once its box is gone."""
        try:
            await super().close()
        finally:
            if self._open:
                self._open = False
                self._pool.release("")
