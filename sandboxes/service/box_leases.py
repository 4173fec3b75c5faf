"""Boxes that clients hold between requests: whose they are, and until when."""

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
class Held:
    """A box in a client's hands.

    Attributes:
        busy: Requests that use it now; while there are any it does not grow old.
    """

    id: str
    owner: str
    box: Sandbox
    used: float = field(default_factory=time.monotonic)
    busy: int = 0
    sessions: dict[str, Session] = field(default_factory=dict)

    def session(self, id: str) -> Session:
        """A session by its id.

        Raises:
            SessionLost: It was closed.
        """
        if id not in self.sessions:
            raise SessionLost("the session has ended: open a new one")
        return self.sessions[id]


class Holdings:
    """All boxes that are held, by unguessable id."""

    def __init__(self, config: ServiceConfig) -> None:
        self._config = config
        self._held: dict[str, Held] = {}

    @property
    def boxes(self) -> int:
        """How many there are."""
        return len(self._held)

    @property
    def sessions(self) -> int:
        """How many sessions they have."""
        return sum(len(held.sessions) for held in self._held.values())

    def add(self, owner: str, box: Sandbox) -> Held:
        """Hand a box to an owner."""
        held = Held(secrets.token_hex(16), owner, box)
        self._held[held.id] = held
        return held

    def add_session(self, held: Held, session: Session) -> str:
        """Keep a session of a box; returns its id."""
        id = secrets.token_hex(8)
        held.sessions[id] = session
        return id

    def has_room(self, held: Held) -> None:
        """Check that a box may have one more session.

        Raises:
            UsageError: It has as many as it may.
        """
        if len(held.sessions) >= self._config.sessions:
            raise UsageError(f"the box has {len(held.sessions)} sessions: close one first")

    @contextmanager
    def using(self, owner: str, id: str) -> Iterator[Held]:
        """A box for the time of a request.

        Raises:
            Gone: It is not there, or is somebody else's.
        """
        held = self._held.get(id)
        if held is None or held.owner != owner:
            raise Gone(
                "sandbox: no such box here: it was closed, nobody used it for "
                f"{self._config.idle_s:g} s, or the service was started anew"
            )
        held.busy += 1
        try:
            yield held
        finally:
            held.busy -= 1
            held.used = time.monotonic()

    async def close(self, owner: str, id: str) -> None:
        """Close a box; one that is gone is as closed as it can be."""
        held = self._held.get(id)
        if held is not None and held.owner == owner:
            del self._held[id]
            await held.box.close()

    async def reap(self) -> None:
        """Close what nobody uses any more, until cancelled."""
        while True:
            await asyncio.sleep(self._config.idle_s / 10)
            old = time.monotonic() - self._config.idle_s
            for held in list(self._held.values()):
                if not held.busy and held.used < old:
                    _log.info("a box of %s was idle too long and is closed", held.owner)
                    await self.close(held.owner, held.id)
