"""Leases of sandboxes that clients hold between requests: owner, sessions, expiry."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from envgym.errors import UsageError
from envgym.sandboxes.base import Sandbox, Session, SessionLost
from envgym.sandboxes.service.config import ServiceConfig
from envgym.sandboxes.service.protocol import Gone

_log = logging.getLogger(__name__)


@dataclass
class BoxLease:
    """One client's lease of a sandbox.

    Attributes:
        busy: Number of requests that use it now; a busy lease does not expire.
    """

    id: str
    owner: str
    box: Sandbox
    used: float = field(default_factory=time.monotonic)
    busy: int = 0
    sessions: dict[str, Session] = field(default_factory=dict)

    def session(self, id: str) -> Session:
        """Return a session by its id.

        Raises:
            SessionLost: It was closed.
        """
        if id not in self.sessions:
            raise SessionLost("the session has ended: open a new one")
        return self.sessions[id]


class BoxLeases:
    """All leases, by unguessable id."""

    def __init__(self, config: ServiceConfig) -> None:
        self._config = config
        self._leases: dict[str, BoxLease] = {}

    @property
    def boxes(self) -> int:
        """Number of leased sandboxes."""
        return len(self._leases)

    @property
    def sessions(self) -> int:
        """Number of sessions in all sandboxes."""
        return sum(len(lease.sessions) for lease in self._leases.values())

    def add(self, owner: str, box: Sandbox) -> BoxLease:
        """Lease a sandbox to an owner."""
        lease = BoxLease(secrets.token_hex(16), owner, box)
        self._leases[lease.id] = lease
        return lease

    def add_session(self, lease: BoxLease, session: Session) -> str:
        """Store a session of a sandbox; return its id."""
        id = secrets.token_hex(8)
        lease.sessions[id] = session
        return id

    def has_room(self, lease: BoxLease) -> None:
        """Check that a sandbox may have one more session.

        Raises:
            UsageError: It has its maximum number of sessions.
        """
        if len(lease.sessions) >= self._config.sessions:
            raise UsageError(f"the sandbox has {len(lease.sessions)} sessions: close one first")

    @contextmanager
    def using(self, owner: str, id: str) -> Iterator[BoxLease]:
        """Use a lease for the time of a request.

        Raises:
            Gone: There is no such lease, or it has another owner.
        """
        lease = self._leases.get(id)
        if lease is None or lease.owner != owner:
            raise Gone(
                "sandbox: no such sandbox here: it was closed, nobody used it for "
                f"{self._config.idle_s:g} s, or the service was started anew"
            )
        lease.busy += 1
        try:
            yield lease
        finally:
            lease.busy -= 1
            lease.used = time.monotonic()

    async def close(self, owner: str, id: str) -> None:
        """Close a sandbox; a missing one is fine."""
        lease = self._leases.get(id)
        if lease is not None and lease.owner == owner:
            del self._leases[id]
            await lease.box.close()

    async def reap(self) -> None:
        """Close idle sandboxes, until cancelled."""
        while True:
            await asyncio.sleep(self._config.idle_s / 10)
            old = time.monotonic() - self._config.idle_s
            for lease in list(self._leases.values()):
                if not lease.busy and lease.used < old:
                    _log.info("a sandbox of %s was idle too long and is closed", lease.owner)
                    await self.close(lease.owner, lease.id)
