"""Queued sandbox pool, shared by all code environments of a process and an event loop.

The first reset opens a sandbox, so that an unusable backend is reported to the caller as a usage
error, before a tool could show it to a model.
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
_EACH = 2  # sandboxes per verdict: one for the solution, one for the tests
_PER_SANDBOX = ("memory_bytes", "processes", "disk_bytes", "int_digits")


class QueuedPool(Backend):
    """Sandbox pool with a fair queue.

    Warm sandboxes are reused for any request whose limits are at most their own. A verdict needs
    two sandboxes, so the queue admits half as many verdicts as there are sandboxes; otherwise each
    could hold one and wait for another.

    Args:
        backend: Source of the sandboxes; closed with the pool.
        limits: Limits of one program.
        most: Maximum number of sandboxes at once.
        patience_s: Maximum wait in the queue, in seconds.
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
        """Open one sandbox, once, to prove that the backend works.

        Raises:
            UsageError: The backend cannot run on this machine.
            Fault: A sandbox did not open.
        """
        if not self._works:
            await (await self._pool.open()).close()
            self._works = True

    @asynccontextmanager
    async def turn(self, seconds: float) -> AsyncIterator[None]:
        """Place at the front of the queue for at most `seconds`.

        Raises:
            Fault: The queue or the work took too long. A program's own limits are far lower, so the
                machine is too slow.
        """
        fix = "run fewer episodes at once"
        try:
            async with asyncio.timeout(self._patience_s):
                await self._queue.acquire()
        except TimeoutError:
            raise Fault(f"no sandbox within {self._patience_s:g} s: {fix}", "infra") from None
        try:
            async with asyncio.timeout(seconds):
                yield
        except TimeoutError:
            raise Fault(f"the sandboxes took over {seconds:g} s: {fix}", "infra") from None
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
        async with await self.open(limits=limits) as sandbox:
            return await sandbox.python(code, stdin=stdin, limits=limits)

    async def repl(self, *, limits: Limits | None = None) -> Session:
        """See `Backend`."""
        return await self._pool.repl(limits=self._borne(limits))

    def _borne(self, limits: Limits | None) -> Limits | None:
        """None (the pool's own limits) where these cover the request."""
        return None if limits is not None and _bears(self._limits, limits) else limits

    async def close(self) -> None:
        """See `Backend`."""
        await self._pool.close()


def _bears(held: Limits, asked: Limits) -> bool:
    names = type(held).model_fields
    same = all(getattr(held, name) == getattr(asked, name) for name in _PER_SANDBOX)
    return same and all(getattr(held, name) >= getattr(asked, name) for name in names)


class SandboxHandle:
    """Lazily acquired reference of an environment to the shared pool (needs a running event loop).

    Args:
        backend: Name of a backend, as for ``open_backend``.
        options: Arguments of the backend.
        most: Maximum number of sandboxes at once.
        limits: Limits of one program.
    """

    def __init__(self, backend: str, options: Mapping[str, Any], most: int, limits: Limits) -> None:
        if most < _EACH:
            raise UsageError(f"boxes must be at least {_EACH} (tests have one of their own)")
        self._name, self._options, self._most = backend, dict(options), most
        self._limits = limits
        self._hold: Shared[QueuedPool] | None = None

    async def ready(self) -> None:
        """Acquire the pool and prove that a sandbox opens.

        Raises:
            UsageError: Unknown backend, or one that cannot run on this machine.
            Fault: A sandbox did not open.
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

    def _make(self) -> QueuedPool:
        return QueuedPool(open_backend(self._name, **self._options), self._limits, self._most)

    @property
    def pool(self) -> QueuedPool:
        """The pool; acquired by `ready`."""
        if self._hold is None:
            raise Fault("no sandboxes are held: the episode never began", "env")
        return self._hold.value

    async def close(self) -> None:
        """Release the pool; its last user closes it."""
        hold, self._hold = self._hold, None
        if hold is not None:
            await hold.close()
