"""Batch barrier: wait for all active episodes, so that batch composition is deterministic.

Matrix products round differently with the number of rows, so a log-prob's last bits depend on who
shares the batch, and after some updates whole runs do. Callers therefore register
(`join`), and the engine steps only when each of them has a request in: batches then follow from the
requests alone, and a run can be repeated, or resumed, to the last bit.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class BatchBarrier:
    """Number of expected callers, and the time to wait for them.

    The waiting time halves each time a caller is late and is restored when all are in: with quick
    tools every batch is complete, and slow tools delay the others only briefly.

    Attributes:
        patience_s: Maximum seconds to wait for absent callers; 0 never waits.
        callers: Number of callers that joined and did not leave.
    """

    patience_s: float
    callers: int = 0
    _late: int = 0  # callers not waited for, until they are back
    _misses: int = 0  # in a row

    @property
    def wait_s(self) -> float:
        """Seconds to wait for the absent callers now."""
        return self.patience_s / 2**self._misses

    def complete(self, present: int) -> bool:
        """Test that all awaited callers have one of the `present` requests in."""
        away = max(self.callers - present, 0)
        self._late = min(self._late, away)
        if away == 0:
            self._misses = 0
        return away <= self._late

    def miss(self, present: int) -> None:
        """Stop waiting for the absent callers until they are back."""
        self._late = self.callers - present
        self._misses = min(self._misses + 1, 32)
