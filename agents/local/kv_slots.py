"""Which session owns which slot, and what its slot holds.

There are as many slots as rows the engine may run; a session keeps its slot between turns until it
is released or, when slots run out, until it is the one idle for the longest time.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(eq=False)
class Session:
    """A conversation with a slot.

    Attributes:
        name: the caller's name for it.
        slot: its row in the cache.
        group: sessions of one group are searched for a shared prefix.
        cached: the ids whose keys and values are in the slot, from column 0.
        busy: a row of it is running.
        released: forget it as soon as its row is done.
    """

    name: str
    slot: int
    group: str | None
    cached: list[int] = field(default_factory=list)
    busy: bool = False
    released: bool = False


class SessionTable:
    """Sessions by name, oldest use first.

    Args:
        max_rows: number of slots.
    """

    def __init__(self, max_rows: int) -> None:
        self._free = list(range(max_rows))  # a heap: low slots first keeps the batch compact
        self._sessions: dict[str, Session] = {}
        self._groups: dict[str, dict[str, Session]] = {}
        self.evictions = 0

    def get(self, name: str) -> Session | None:
        """The session of that name, if it holds a slot."""
        return self._sessions.get(name)

    def mates(self, group: str) -> list[Session]:
        """Every session of a group that holds a slot."""
        return list(self._groups.get(group, {}).values())

    def acquire(self, name: str, group: str | None) -> Session | None:
        """Give the (idle) session a slot and mark it busy; `None` when every slot is busy."""
        session = self._sessions.get(name)
        if session is None:
            if not self._free and not self._evict():
                return None
            session = Session(name, heapq.heappop(self._free), group)
            self._sessions[name] = session
            self._join(session)
        elif session.group != group:
            self._leave(session)
            session.group = group
            self._join(session)
        session.busy = True
        return session

    def retire(self, session: Session, cached: list[int]) -> None:
        """The session's row is done and its slot now holds `cached`."""
        session.busy = False
        session.cached = cached
        if session.released:
            self.drop(session)
        else:  # the most recently used goes last
            self._sessions[session.name] = self._sessions.pop(session.name)

    def release(self, name: str) -> None:
        """Forget a session, at once or when its row is done; an unknown name is no error."""
        session = self._sessions.get(name)
        if session is not None and session.busy:
            session.released = True
        elif session is not None:
            self.drop(session)

    def drop(self, session: Session) -> None:
        """Forget a session now and free its slot."""
        del self._sessions[session.name]
        self._leave(session)
        heapq.heappush(self._free, session.slot)

    def forget_cached(self) -> None:
        """Every slot's content is stale: the weights that computed it are gone."""
        for session in self._sessions.values():
            session.cached = []

    def _evict(self) -> bool:
        idle = next((s for s in self._sessions.values() if not s.busy), None)
        if idle is None:
            return False
        self.drop(idle)
        self.evictions += 1
        return True

    def _join(self, session: Session) -> None:
        if session.group is not None:
            self._groups.setdefault(session.group, {})[session.name] = session

    def _leave(self, session: Session) -> None:
        if session.group is not None:
            mates = self._groups[session.group]
            del mates[session.name]
            if not mates:
                del self._groups[session.group]


def common_prefix(a: Sequence[int], b: Sequence[int]) -> int:
    """Length of the longest common prefix of two lists."""
    low, high = 0, min(len(a), len(b))
    if a[:high] == b[:high]:
        return high
    while high - low > 1:  # invariant: equal up to low, different up to high
        middle = (low + high) // 2
        if a[low:middle] == b[low:middle]:
            low = middle
        else:
            high = middle
    return low
