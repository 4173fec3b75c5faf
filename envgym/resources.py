"""Reference-counted resources (indexes, browsers, sandbox pools) shared within a process.

A thousand instances of an environment share one index: the first user opens it, the last one closes
it, and a counter tracks the users in between.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclass
class _Entry:
    value: Any = None
    users: int = 0
    opened: bool = False
    # Its own: opening may take seconds, or need another resource, in another thread too.
    opening: threading.RLock = field(default_factory=threading.RLock)


_entries: dict[Hashable, _Entry] = {}
_lock = threading.Lock()


class Shared(Generic[T]):
    """A reference to a shared resource; `close` drops the reference once.

    Args:
        key: Identity of the resource (say, a path and a backend's name).
        open: Makes the resource; called by the first user only.
    """

    def __init__(self, key: Hashable, open: Callable[[], T]) -> None:
        self._key: Hashable | None = key
        with _lock:
            entry = _entries.setdefault(key, _Entry())
            entry.users += 1
        try:
            with entry.opening:
                if not entry.opened:
                    entry.value, entry.opened = open(), True
        except BaseException:
            with _lock:
                entry.users -= 1
                if not entry.users:
                    del _entries[key]
            raise
        self.value: T = entry.value

    async def close(self) -> None:
        """Drop the reference; the last one closes the resource (``close`` or ``aclose``)."""
        with _lock:
            if self._key is None:
                return
            key, self._key = self._key, None
            entry = _entries[key]
            entry.users -= 1
            if entry.users:
                return
            del _entries[key]
        closer = getattr(entry.value, "aclose", None) or getattr(entry.value, "close", None)
        if closer is not None:
            result = closer()
            if inspect.isawaitable(result):
                await result


def open_resources() -> dict[Hashable, int]:
    """Shared resources that are open, with their reference counts (for leak checks)."""
    with _lock:
        return {key: entry.users for key, entry in _entries.items()}
