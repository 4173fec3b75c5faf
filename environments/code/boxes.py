"""The sandbox pool that all code environments of a process and an event loop share.

Which backend runs is the caller's word, and that it cannot run here is told at the first reset, as
the caller's error: were it met inside a tool, a model would read it, and be blamed for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from envgym.errors import Fault, UsageError
from envgym.resources import Shared
from envgym.sandboxes import Backend, Limits, Sandbox
from envgym.sandboxes.graders.frames import patient
from envgym.sandboxes.pool import Pool, shared_pool

WARM = 2
_BOX_WIDE = ("memory_bytes", "processes", "disk_bytes")


class Boxes:
    """One environment's hold on the pool; taken at its first use, for a loop has to run then.

    Args:
        backend: A name, as in ``open_backend``.
        options: Of the backend.
        most: Boxes at once.
        limits: Of a program; boxes lie ready that can bear it.
    """

    def __init__(
        self, backend: str, options: Mapping[str, Any], most: int, limits: Limits
    ) -> None:
        if most < 2:
            raise UsageError(f"boxes must be at least 2 (tests have one of their own), not {most}")
        self._name, self._options, self._most = backend, dict(options), most
        self._limits = patient(limits)
        self._hold: Shared[Pool] | None = None

    async def ready(self) -> None:
        """Take the hold, and see that a box opens.

        Raises:
            UsageError: There is no such backend, or this machine cannot have it.
            Fault: A box did not open.
        """
        if self._hold is not None:
            return
        hold = shared_pool(
            self._name, size=WARM, most=self._most, limits=self._limits, **self._options
        )
        try:
            if not hold.value.stats.leased_in_all:
                await (await hold.value.open()).close()
        except BaseException:
            await hold.close()
            raise
        self._hold = hold

    @property
    def backend(self) -> Backend:
        """The pool, for those who give every call limits of its own."""
        if self._hold is None:
            raise Fault("no sandbox pool is held: the episode never began", "env")
        return _Warm(self._hold.value)

    async def close(self) -> None:
        """Let go of the pool; the last one closes it."""
        hold, self._hold = self._hold, None
        if hold is not None:
            await hold.close()


class _Warm(Backend):
    """A pool whose warm boxes serve whoever asks for no more than they have.

    Graders open a box with the limits of what they run in it, and say these again with every call:
    so a box with more time and output does, where what holds for a box as a whole is the same.
    """

    def __init__(self, pool: Pool) -> None:
        self.name, self.isolation = pool.name, pool.isolation
        self._pool = pool

    async def open(self, *, limits: Limits | None = None, snapshot: bytes | None = None) -> Sandbox:
        """See `Backend`."""
        if limits is not None and _bears(self._pool.limits, limits):
            limits = None
        return await self._pool.open(limits=limits, snapshot=snapshot)

    async def close(self) -> None:
        """See `Backend`; the pool is its holders' to close."""


def _bears(box: Limits, asked: Limits) -> bool:
    names = type(box).model_fields
    same = all(getattr(box, name) == getattr(asked, name) for name in _BOX_WIDE)
    return same and all(getattr(box, name) >= getattr(asked, name) for name in names)
