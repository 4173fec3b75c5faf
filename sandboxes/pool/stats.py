"""What a pool counts of itself, for whoever draws it."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field

BOUNDS_S = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)


@dataclass
class Histogram:
    """Seconds, sorted into bounds.

    Attributes:
        counts: Of durations up to each of `BOUNDS_S`, not beyond the bound before; the last one
            counts the longer ones.
        total: Their sum, seconds.
    """

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_S) + 1))
    total: float = 0.0

    def add(self, seconds: float) -> None:
        """One more."""
        self.counts[bisect_left(BOUNDS_S, seconds)] += 1
        self.total += seconds


@dataclass
class PoolStats:
    """Counts; the first four are of now, the rest since the pool began.

    Attributes:
        warm: Boxes that lie ready.
        leased: Boxes in use, or in the making for somebody.
        making: Warm ones in the making, or being checked.
        waiting: Those who wait for a box.
        leased_in_all: Leases given.
        hits: Of them, boxes that lay ready.
        made: Boxes made.
        failed: Tries at making one that failed.
        dead: Ready boxes that were found dead.
        expired: Ready boxes that grew too old.
        refused: Those who waited too long, or were turned away at once.
        waits: Seconds waited for a place.
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
