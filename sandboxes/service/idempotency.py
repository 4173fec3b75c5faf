"""Idempotent requests: each is executed once, however often it is sent.

A client whose connection broke cannot know whether its request arrived. It sends the request again
under the same id and gets the first one's answer, stored or still in the making.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from envgym.errors import Fault, UsageError
from envgym.sandboxes.pool.pool import PoolFull
from envgym.sandboxes.service.config import ServiceConfig
from envgym.sandboxes.service.protocol import Busy, Cancelled
from envgym.sandboxes.supervisor.streams.frames import Frame

Key = tuple[str, str]  # owner, request id


@dataclass
class _Entry:
    work: asyncio.Future[Frame]
    digest: bytes
    waiters: int = 0
    size: int = 0
    began: float = field(default_factory=time.monotonic)
    giving_up: asyncio.TimerHandle | None = None


class Idempotency:
    """Requests in progress, and recent answers, by owner and request id."""

    def __init__(self, config: ServiceConfig) -> None:
        self._config = config
        self._running: dict[Key, _Entry] = {}
        self._ended: OrderedDict[Key, _Entry] = OrderedDict()
        self._bytes = 0
        self.stopping = False

    @property
    def running(self) -> int:
        """Number of requests in progress."""
        return len(self._running)

    async def run(
        self,
        key: Key,
        digest: bytes,
        work: Callable[[], Coroutine[Any, Any, Frame]],
        *,
        linger_s: float,
    ) -> Frame:
        """Return the answer of `work`, or of the earlier request with the same key.

        If the caller is cancelled because its client vanished, the work continues for other
        waiters; after `linger_s` without any, it is cancelled.

        Raises:
            Busy: Too many requests are in progress.
            Cancelled: The client cancelled the request.
            UsageError: The key belongs to another request.
            EnvgymError: As raised by `work`.
        """
        self._forget()
        entry = self._running.get(key) or self._ended.get(key)
        if entry is None:
            if self.stopping:
                raise Busy("the service is stopping: ask its successor")
            if len(self._running) >= self._config.requests:
                raise Busy(f"{len(self._running)} requests are in progress: send fewer at once")
            entry = self._running[key] = _Entry(asyncio.create_task(work()), digest)
            entry.work.add_done_callback(lambda done: self._done(key))
        elif entry.digest not in (digest, b""):
            raise UsageError(f"request id {key[1]!r} was another request's: give each its own")
        if entry.giving_up is not None:
            entry.giving_up.cancel()
            entry.giving_up = None
        entry.waiters += 1
        try:
            return await asyncio.shield(entry.work)
        except asyncio.CancelledError:
            if not entry.work.cancelled():
                raise
            if self.stopping:
                raise Fault("the service is stopping and has ended the run", "infra") from None
            raise Cancelled("the request was cancelled") from None
        finally:
            entry.waiters -= 1
            if not entry.waiters and not entry.work.done():
                loop = asyncio.get_running_loop()
                entry.giving_up = loop.call_later(linger_s, entry.work.cancel)

    def cancel(self, key: Key) -> Frame | None:
        """Cancel the request of a key, running or still to arrive.

        Returns:
            The answer of a request that had ended before, so that the caller can undo it.
        """
        running = self._running.get(key)
        if running is not None and running.work.cancel():
            return None
        ended = running or self._ended.get(key)  # what runs may have ended this very moment
        if ended is None:
            never: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
            never.cancel()
            self._ended[key] = _Entry(never, b"")
            return None
        fine = not ended.work.cancelled() and ended.work.exception() is None
        return ended.work.result() if fine else None

    async def close(self) -> None:
        """Refuse new requests; give running ones `stop_s` seconds, then cancel them."""
        self.stopping = True
        works = [entry.work for entry in self._running.values()]
        if works:
            await asyncio.wait(works, timeout=self._config.stop_s)
        for work in works:
            work.cancel()
        if works:
            await asyncio.wait(works)

    def _done(self, key: Key) -> None:
        entry = self._running.pop(key)
        if entry.giving_up is not None:
            entry.giving_up.cancel()
        entry.began = time.monotonic()
        if not entry.work.cancelled():
            error = entry.work.exception()
            if isinstance(error, PoolFull):
                return  # it was not carried out: the next try may be
            if error is None:
                entry.size = sum(map(len, entry.work.result().parts))
        self._ended[key] = entry
        self._bytes += entry.size
        self._forget()

    def _forget(self) -> None:
        old = time.monotonic() - self._config.keep_s
        while self._ended:
            key, entry = next(iter(self._ended.items()))
            full = len(self._ended) > self._config.keep_count
            if entry.began > old and not full and self._bytes <= self._config.keep_bytes:
                return
            del self._ended[key]
            self._bytes -= entry.size
