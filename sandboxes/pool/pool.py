"""Pool of warm sandboxes: made ahead, within a bound, and shared fairly between owners.

A pool is a backend over another one. Each lease gets an unused sandbox; the end of the lease ends
the sandbox, and the pool makes a new one. Waiting owners are served in order, except that an owner
with fewer sandboxes goes first, so that a request for a thousand sandboxes delays no other owner.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import random
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from envgym.errors import Fault, UsageError
from envgym.sandboxes.base import Backend, Sandbox, Session
from envgym.sandboxes.limits import Limits
from envgym.sandboxes.outcome import Result
from envgym.sandboxes.pool.health import answers, gone, works
from envgym.sandboxes.pool.lease import Lease, LeasedSession
from envgym.sandboxes.pool.stats import Histogram, PoolStats

_log = logging.getLogger(__name__)
_AT_ONCE = 4  # warm sandboxes in the making: more would slow down the awaited ones
_LONGEST_PAUSE = 5.0
_MadeT = TypeVar("_MadeT")


class PoolFull(Fault):
    """No sandbox became free in time: capacity, not breakage."""


@dataclass
class _Waiter:
    owner: str
    order: int
    ready: asyncio.Future[None]


@dataclass
class _Warm:
    box: Sandbox
    made: float
    checked: float = field(default_factory=time.monotonic)


class Pool(Backend):
    """Warm, bounded and fair pool.

    Args:
        backend: Backend that makes the sandboxes; closed with the pool.
        size: Number of sandboxes kept ready.
        most: Maximum number of sandboxes, ready and in use together.
        share: Maximum number of sandboxes per owner; None is all of them.
        limits: Limits of the sandboxes kept ready; a sandbox of other limits is made on demand.
        patience_s: Maximum seconds of waiting for a sandbox.
        most_waiting: Maximum number of waiting requests; more are refused at once.
        attempts: Number of tries at making a sandbox while the backend fails with an ``infra``
            fault.
        backoff_s: Pause in seconds before the second try; doubled for each, with jitter.
        check_s: Seconds after which a ready sandbox has to run a job again.
        max_age_s: Seconds after which a ready sandbox is replaced.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        size: int = 4,
        most: int = 16,
        share: int | None = None,
        limits: Limits | None = None,
        patience_s: float = 30.0,
        most_waiting: int = 1024,
        attempts: int = 4,
        backoff_s: float = 0.1,
        check_s: float = 30.0,
        max_age_s: float = 600.0,
    ) -> None:
        if not 0 <= size <= most or most < 1:
            raise UsageError(f"a pool of size={size} and most={most}: needs 0 <= size <= most >= 1")
        if share is not None and not 1 <= share <= most:
            raise UsageError(f"share={share} must be between 1 and most={most}")
        self.name = backend.name
        self.isolation = backend.isolation
        self.quick = backend.quick
        self.limits = limits or Limits()
        self.stats = PoolStats(waits=Histogram())
        self._backend = backend
        self._size, self._most, self._share = size, most, share or most
        self._patience_s, self._most_waiting = patience_s, most_waiting
        self._attempts, self._backoff_s = attempts, backoff_s
        self._check_s, self._max_age_s = check_s, max_age_s
        self._jitter = random.Random()
        self._orders = itertools.count()
        self._waiting: list[_Waiter] = []
        self._held: Counter[str] = Counter()
        self._warm: deque[_Warm] = deque()
        self._busy = 0  # warm sandboxes in the making, or being checked
        self._failing = False
        self._leases: set[Lease] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._keeper: asyncio.Task[None] | None = None
        self._closed = False

    def owner(self, name: str) -> Backend:
        """View of the pool as `name`, whose sandboxes count to that owner's share."""
        return _OwnerView(self, name)

    def start(self) -> None:
        """Begin to fill the pool; the first `open` does so too. Needs a running event loop."""
        if self._keeper is None and not self._closed:
            self._keeper = asyncio.create_task(self._keep())
            self._refill()

    async def open(self, *, limits: Limits | None = None, snapshot: bytes | None = None) -> Sandbox:
        """See `Backend`.

        Raises:
            PoolFull: No sandbox became free within the pool's patience.
        """
        return await self.lease("", limits, snapshot)

    async def lease(self, owner: str, limits: Limits | None, snapshot: bytes | None) -> Lease:
        """Open a sandbox for an owner."""
        bounds = limits or self.limits

        async def make() -> Sandbox:
            if snapshot is None and bounds == self.limits:
                box = await self._ready()
                if box is not None:
                    return box
            await self.make_room()
            return await self._made(lambda: self._backend.open(limits=bounds, snapshot=snapshot))

        return await self.lend(owner, make)

    async def lend(self, owner: str, make: Callable[[], Awaitable[Sandbox]]) -> Lease:
        """Lease the product of `make`, once the owner may have one more sandbox."""
        if self._closed:
            raise UsageError("the pool is closed: make a new one")
        self.start()
        await self._admit(owner)
        try:
            lease = Lease(self, owner, await make())
        except BaseException:
            self.release(owner)
            raise
        self._leases.add(lease)
        self.stats.leased_in_all += 1
        self._refill()
        return lease

    async def repl(self, *, limits: Limits | None = None) -> Session:
        """See `Backend`. It takes a slot as a sandbox does."""
        if not self.quick:
            return await super().repl(limits=limits)
        await self._admit("")
        try:
            await self.make_room()
            bounds = limits or self.limits
            session = await self._made(lambda: self._backend.repl(limits=bounds))
        except BaseException:
            self.release("")
            raise
        self.stats.leased_in_all += 1
        return LeasedSession(self, session)

    async def run_python(
        self, code: str, *, stdin: bytes = b"", limits: Limits | None = None
    ) -> Result:
        """See `Backend`. It takes a slot as a sandbox does."""
        if not self.quick:
            return await super().run_python(code, stdin=stdin, limits=limits)
        await self._admit("")
        try:
            await self.make_room()
            bounds = limits or self.limits
            return await self._backend.run_python(code, stdin=stdin, limits=bounds)
        finally:
            self.release("")

    def release(self, owner: str, lease: Lease | None = None) -> None:
        """Free the slot of an owner's closed sandbox for the next waiting owner."""
        self._held[owner] -= 1
        if not self._held[owner]:
            del self._held[owner]
        if lease is not None:
            self._leases.discard(lease)
        self._grant()
        self._refill()

    def measure(self) -> PoolStats:
        """Current counts of the pool."""
        self.stats.warm, self.stats.leased = len(self._warm), self._held.total()
        self.stats.making, self.stats.waiting = self._busy, len(self._waiting)
        return self.stats

    async def close(self) -> None:
        """See `Backend`. It closes leases and the backend too."""
        self._closed = True
        tasks = [*self._tasks, *([self._keeper] if self._keeper else [])]
        for task in tasks:
            task.cancel()
        for waiter in self._waiting:
            if not waiter.ready.done():
                waiter.ready.set_exception(UsageError("the pool was closed meanwhile"))
        await asyncio.gather(*tasks, return_exceptions=True)
        boxes = [*self._leases, *(warm.box for warm in self._warm)]
        self._warm.clear()
        await asyncio.gather(*(gone(box) for box in boxes))
        await self._backend.close()

    async def _admit(self, owner: str) -> None:
        began = time.monotonic()
        if len(self._waiting) >= self._most_waiting:
            self.stats.refused += 1
            raise PoolFull(f"sandbox pool: {len(self._waiting)} wait already: send fewer at once")
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiter = _Waiter(owner, next(self._orders), future)
        self._waiting.append(waiter)
        self._grant()
        try:
            async with asyncio.timeout(self._patience_s):
                await waiter.ready
        except BaseException as error:
            if waiter in self._waiting:
                self._waiting.remove(waiter)
            elif waiter.ready.done() and not waiter.ready.cancelled():
                self.release(owner)  # granted in the very moment of giving up
            if not isinstance(error, TimeoutError):
                raise
            self.stats.refused += 1
            raise PoolFull(
                f"sandbox pool: none of {self._most} sandboxes became free within "
                f"{self._patience_s:g} s, {len(self._waiting)} others wait: close sandboxes, run "
                "fewer at once, or raise the pool's most"
            ) from None
        finally:
            self.stats.waits.add(time.monotonic() - began)

    def _grant(self) -> None:
        """Grant slots: among owners below their share, the one with the fewest sandboxes first."""
        while self._held.total() + self._busy < self._most:
            able = [w for w in self._waiting if self._held[w.owner] < self._share]
            if not able:
                return
            waiter = min(able, key=lambda w: (self._held[w.owner], w.order))
            self._waiting.remove(waiter)
            if not waiter.ready.done():
                self._held[waiter.owner] += 1
                waiter.ready.set_result(None)

    async def _ready(self) -> Sandbox | None:
        """A warm sandbox that answers, or None."""
        while self._warm:
            warm = self._warm.popleft()
            try:
                if await answers(warm.box):
                    self.stats.hits += 1
                    return warm.box
            except BaseException:
                await gone(warm.box)
                raise
            self.stats.dead += 1
            _log.warning("a sandbox died while it lay ready; it is replaced")
            await gone(warm.box)
        return None

    async def make_room(self) -> None:
        """Close warm sandboxes whose slot a lease has taken."""
        while self._warm and self._held.total() + self._busy + len(self._warm) > self._most:
            await gone(self._warm.popleft().box)

    async def _made(self, make: Callable[[], Awaitable[_MadeT]]) -> _MadeT:
        """Make a sandbox, or session, with retries; raise the last try's fault."""
        for attempt in itertools.count(1):
            try:
                box = await make()
            except Fault as error:
                self.stats.failed += 1
                if error.kind != "infra" or attempt == self._attempts:
                    raise
                _log.warning("making a sandbox failed (try %d): %s", attempt, error)
                pause = self._backoff_s * 2 ** (attempt - 1) * self._jitter.uniform(0.75, 1.25)
                await asyncio.sleep(min(pause, _LONGEST_PAUSE))
            else:
                self.stats.made += 1
                return box
        raise AssertionError("unreachable")

    def _refill(self) -> None:
        """Make warm sandboxes while there is room and no request waits for it."""
        while (
            self._keeper is not None
            and not self._closed
            and not self._failing
            and self._busy < _AT_ONCE
            and len(self._warm) + self._busy < self._size
            and self._held.total() + len(self._warm) + self._busy < self._most
        ):
            self._spawn(self._warm_up())

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self._busy += 1
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._spawned)

    def _spawned(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._busy -= 1
        if not task.cancelled() and task.exception() is not None:
            self._failing = True  # until the keeper's next round: who opens still tries by itself
            _log.error("the sandbox pool cannot fill: %s", task.exception())
        self._grant()
        self._refill()

    async def _warm_up(self) -> None:
        box = await self._made(lambda: self._backend.open(limits=self.limits))
        self._warm.append(_Warm(box, time.monotonic()))

    async def _recheck(self, warm: _Warm) -> None:
        """Run a job in a warm sandbox; keep it if the job succeeds."""
        try:
            fine = await works(warm.box)
        except BaseException:
            await gone(warm.box)
            raise
        if fine:
            warm.checked = time.monotonic()
            self._warm.append(warm)
            return
        self.stats.dead += 1
        _log.warning("a sandbox that lay ready runs no job any more; it is replaced")
        await gone(warm.box)

    async def _keep(self) -> None:
        """Check the warm sandboxes periodically for as long as the pool lives."""
        while True:
            await asyncio.sleep(min(self._check_s, self._max_age_s) / 2)
            self._failing = False
            now = time.monotonic()
            for warm in list(self._warm):
                if warm.made + self._max_age_s < now:
                    self._warm.remove(warm)
                    self.stats.expired += 1
                    self._spawn(gone(warm.box))
                elif warm.checked + self._check_s < now:
                    self._warm.remove(warm)
                    self._spawn(self._recheck(warm))
            self._refill()


class _OwnerView(Backend):
    """One owner's view of the pool; closing it leaves the pool open."""

    def __init__(self, pool: Pool, owner: str) -> None:
        self.name, self.isolation = pool.name, pool.isolation
        self._pool, self._owner = pool, owner

    async def open(self, *, limits: Limits | None = None, snapshot: bytes | None = None) -> Sandbox:
        return await self._pool.lease(self._owner, limits, snapshot)

    async def close(self) -> None:
        return
