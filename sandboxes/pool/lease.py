"""Leases of a pool's sandboxes; the end of a lease frees the sandbox's slot in the pool."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from envgym.sandboxes.base import Sandbox, Session
from envgym.sandboxes.delegating import DelegatingSandbox, DelegatingSession


class Lender(Protocol):
    """The part of a `Pool` that its leases call back."""

    async def make_room(self) -> None:
        """Give up a warm sandbox if there is no room for one more sandbox."""

    async def lend(self, owner: str, make: Callable[[], Awaitable[Sandbox]]) -> Lease:
        """Lease the sandbox that `make` returns, once the owner may have one more."""
        ...

    def release(self, owner: str, lease: Lease | None = None) -> None:
        """Take back the place of a lease that ended."""


class Lease(DelegatingSandbox):
    """A sandbox for exclusive, single use.

    Args:
        pool: Pool whose slot it takes.
        owner: Owner whose share it counts to.
        box: The sandbox.
    """

    def __init__(self, pool: Lender, owner: str, box: Sandbox) -> None:
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
        """See `Sandbox`. The slot is free once the sandbox is gone."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        try:
            await super().close()
        finally:
            self._pool.release(self._owner, self)


class LeasedSession(DelegatingSession):
    """A leased session that is its own sandbox.

    Args:
        pool: Pool whose slot it takes.
        session: The session.
    """

    def __init__(self, pool: Lender, session: Session) -> None:
        super().__init__(session)
        self._pool = pool
        self._open = True

    async def close(self) -> None:
        """See `Session`. The slot is free once its sandbox is gone."""
        try:
            await super().close()
        finally:
            if self._open:
                self._open = False
                self._pool.release("")
