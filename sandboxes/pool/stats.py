"""Statistics of a pool, for metrics."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field

BOUNDS_S = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)


@dataclass
class Histogram:
    """Histogram of durations in seconds.

    Attributes:
        counts: Number of durations up to each of `BOUNDS_S` and above the bound before; the last
            counts the longer ones.
        total: Sum of durations, seconds.
    """

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_S) + 1))
    total: float = 0.0

    def add(self, seconds: float) -> None:
        """Count one duration."""
        self.counts[bisect_left(BOUNDS_S, seconds)] += 1
        self.total += seconds


@dataclass
class PoolStats:
    """Counts of a pool; the first four are current, the others cumulative.

    Attributes:
        warm: Sandboxes ready for use.
        leased: Sandboxes in use, or in the making for a lease.
        making: Warm sandboxes in the making, or being checked.
        waiting: Waiting requests.
        leased_in_all: Leases granted.
        hits: Leases served by a ready sandbox.
        made: Sandboxes made.
        failed: Failed tries at making a sandbox.
        dead: Ready sandboxes found dead.
        expired: Ready sandboxes replaced for their age.
        refused: Requests that waited too long, or were refused at once.
        waits: Histogram of the waiting time for a slot.
    """

    waits: Histogram
    warm: int = 0
    leased: int = 0
    making: int = 0
    waiting: int = 0
    leased_in_all: int = 0
    hits: int = 0
    made: int = 0
    failed: int = 0
    dead: int = 0
    expired: int = 0
    refused: int = 0
