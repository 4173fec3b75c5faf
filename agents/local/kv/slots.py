"""Table of KV slots: the session in each slot, and the ids cached there.

There are as many slots as rows that the engine may run at once. A session keeps its slot between
turns until it is released or, when slots run out, until it is the least recently used idle one.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(eq=False)
class KVSlot:
    """A slot of the KV cache and the session that holds it.

    Attributes:
        name: The session's name.
        index: The slot's number.
        group: The session's group, within which shared prefixes are searched.
        cached: Ids whose keys and values are in the slot, from column 0.
        busy: A row of the session is running.
        released: Forget the session as soon as its row is done.
    """

    name: str
    index: int
    group: str | None
    cached: list[int] = field(default_factory=list)
    busy: bool = False
    released: bool = False


class KVSlotTable:
    """Slots by session name, least recently used first.

    Args:
        max_rows: Number of slots.
    """

    def __init__(self, max_rows: int) -> None:
        self._free = list(range(max_rows))  # a heap: low slots first keeps the batch compact
        self._by_session: dict[str, KVSlot] = {}
        self._groups: dict[str, dict[str, KVSlot]] = {}
        self.evictions = 0

    def get(self, name: str) -> KVSlot | None:
        """Slot of a session; None where it holds none."""
        return self._by_session.get(name)

    def slots(self) -> list[KVSlot]:
        """Slots of all sessions, least recently used first."""
        return list(self._by_session.values())

    def group_slots(self, group: str) -> list[KVSlot]:
        """Slots of all sessions of a group."""
        return list(self._groups.get(group, {}).values())

    def acquire(self, name: str, group: str | None) -> KVSlot | None:
        """Give the (idle) session a slot and mark it busy; None when every slot is busy."""
        slot = self._by_session.get(name)
        if slot is None:
            if not self._free and not self._evict():
                return None
            slot = KVSlot(name, heapq.heappop(self._free), group)
            self._by_session[name] = slot
            self._join(slot)
        elif slot.group != group:
            self._leave(slot)
            slot.group = group
            self._join(slot)
        slot.busy = True
        return slot

    def retire(self, slot: KVSlot, cached: list[int]) -> None:
        """Mark a slot idle after its row is done; it now holds `cached`."""
        slot.busy = False
        slot.cached = cached
        if slot.released:
            self.drop(slot)
        else:  # the most recently used goes last
            self._by_session[slot.name] = self._by_session.pop(slot.name)

    def release(self, name: str) -> None:
        """Forget a session, at once or after its row; an unknown name is no error."""
        slot = self._by_session.get(name)
        if slot is not None and slot.busy:
            slot.released = True
        elif slot is not None:
            self.drop(slot)

    def drop(self, slot: KVSlot) -> None:
        """Forget a session now and free its slot."""
        del self._by_session[slot.name]
        self._leave(slot)
        heapq.heappush(self._free, slot.index)

    def forget_cached(self) -> None:
        """Mark the content of every slot as stale: the weights have changed."""
        for slot in self._by_session.values():
            slot.cached = []

    def _evict(self) -> bool:
        idle = next((s for s in self._by_session.values() if not s.busy), None)
        if idle is None:
            return False
        self.drop(idle)
        self.evictions += 1
        return True

    def _join(self, slot: KVSlot) -> None:
        if slot.group is not None:
            self._groups.setdefault(slot.group, {})[slot.name] = slot

    def _leave(self, slot: KVSlot) -> None:
        if slot.group is not None:
            group_slots = self._groups[slot.group]
            del group_slots[slot.name]
            if not group_slots:
                del self._groups[slot.group]


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
