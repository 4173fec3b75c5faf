"""The sandboxes that all code environments of a process and an event loop share.

Which backend runs is the caller's word, and that it cannot run here is told at the first reset, as
the caller's error: were it met inside a tool, a model would read it, and be blamed for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from envgym.errors import Fault, UsageError
from envgym.resources import Shared
from envgym.sandboxes import Backend, Limits, Result, Sandbox, Session
from envgym.sandboxes.backends.registry import open_backend
from envgym.sandboxes.graders.nonce_protocol import patient
from envgym.sandboxes.pool.pool import Pool

WARM = 2
_EACH = 2  # boxes of one verdict: the solution's and the tests'
_BOX_WIDE = ("memory_bytes", "processes", "disk_bytes", "int_digits")


class Workshop(Backend):
    """A pool whose warm boxes serve whoever asks for no more than they have, and a queue before it.

    Graders open a box with the limits of what they run in it, and say these again with every call:
    so a box with more time and output does, where what holds for a box as a whole is the same. A
    verdict takes two boxes, one after the other: without a queue, those who have their first one
    could wait for each other's second.

    Args:
        backend: Where boxes come from; closed with it.
        limits: Of a program.
        most: Boxes at once.
        patience_s: Longest wait in the queue.
    """

    def __init__(
        self, backend: Backend, limits: Limits, most: int, patience_s: float = 400.0
    ) -> None:
        self.name, self.isolation = backend.name, backend.isolation
        self._limits = patient(limits)
        warm = 0 if backend.quick else min(WARM, most)
        self._pool = Pool(backend, size=warm, most=most, limits=self._limits)
        self._queue = asyncio.Semaphore(most // _EACH)
        self._patience_s = patience_s
        self._works = False

    async def ready(self) -> None:
        """See that a box opens, once.

        Raises:
            UsageError: This machine cannot have the backend.
            Fault: A box did not open.
        """
        if not self._works:
            await (await self._pool.open()).close()
            self._works = True

    @asynccontextmanager
    async def turn(self, seconds: float) -> AsyncIterator[None]:
        """A place at the front, for so long.

        Raises:
            Fault: It was no turn in time, or it was over before the work was: what a program may
                use is bounded far below that, so it is the machine that is too slow.
        """
        mend = "run fewer episodes at once"
        try:
            async with asyncio.timeout(self._patience_s):
                await self._queue.acquire()
        except TimeoutError:
            raise Fault(f"no sandbox within {self._patience_s:g} s: {mend}", "infra") from None
        try:
            async with asyncio.timeout(seconds):
                yield
        except TimeoutError:
            raise Fault(f"the sandboxes took over {seconds:g} s: {mend}", "infra") from None
        finally:
            self._queue.release()

    async def open(self, *, limits: Limits | None = None, snapshot: bytes | None = None) -> Sandbox:
        """See `Backend`."""
        return await self._pool.open(limits=self._borne(limits), snapshot=snapshot)

    async def run_python(
        self, code: str, *, stdin: bytes = b"", limits: Limits | None = None
    ) -> Result:
        """See `Backend`."""
        if self._pool.quick:
            return await self._pool.run_python(code, stdin=stdin, limits=limits)
        async with await self.open(limits=limits) as box:
            return await box.python(code, stdin=stdin, limits=limits)

    async def repl(self, *, limits: Limits | None = None) -> Session:
        """See `Backend`."""
        return await self._pool.repl(limits=self._borne(limits))

    def _borne(self, limits: Limits | None) -> Limits | None:
        """None for the pool's own, where these do."""
        return None if limits is not None and _bears(self._limits, limits) else limits

    async def close(self) -> None:
        """See `Backend`."""
        await self._pool.close()


def _bears(box: Limits, asked: Limits) -> bool:
    names = type(box).model_fields
    same = all(getattr(box, name) == getattr(asked, name) for name in _BOX_WIDE)
    return same and all(getattr(box, name) >= getattr(asked, name) for name in names)


class Boxes:
    """One environment's hold on the workshop; taken at its first use, for a loop has to run then.

    Args:
        backend: A name, as in ``open_backend``.
        options: Of the backend.
        most: Boxes at once.
        limits: Of a program.
    """

    def __init__(self, backend: str, options: Mapping[str, Any], most: int, limits: Limits) -> None:
        if most < _EACH:
            raise UsageError(f"boxes must be at least {_EACH} (tests have one of their own)")
        self._name, self._options, self._most = backend, dict(options), most
        self._limits = limits
        self._hold: Shared[Workshop] | None = None

    async def ready(self) -> None:
        """Take the hold, and see that a box opens.

        Raises:
            UsageError: There is no such backend, or this machine cannot have it.
            Fault: A box did not open.
        """
        if self._hold is not None:
            return
        given = repr(sorted(self._options.items()))
        loop = asyncio.get_running_loop()
        key = ("code boxes", loop, self._name, given, self._most, self._limits)
        hold = Shared(key, self._make)
        try:
            await hold.value.ready()
        except BaseException:
            await hold.close()
            raise
        self._hold = hold

    def _make(self) -> Workshop:
        return Workshop(open_backend(self._name, **self._options), self._limits, self._most)

    @property
    def workshop(self) -> Workshop:
        """Where programs run."""
        if self._hold is None:
            raise Fault("no sandboxes are held: the episode never began", "env")
        return self._hold.value

    async def close(self) -> None:
        """Let go; the last one closes it."""
        hold, self._hold = self._hold, None
        if hold is not None:
            await hold.close()
