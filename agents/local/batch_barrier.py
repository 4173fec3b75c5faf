"""Batch barrier: wait for absent episodes before a decode step, briefly or until all are back.

A row more in a batch costs little, so it pays to wait for callers that are back at once; a caller
whose tool runs for seconds must not stop the others. Callers register (`join`), so the engine knows
who is absent.

Matrix products also round differently with the number of rows: a log-prob's last bits depend on who
shares the batch, and after some updates whole runs do. Where the barrier waits for every caller,
batches follow from the requests alone, and a run can be repeated, or resumed, to the last bit.
"""

from __future__ import annotations

from dataclasses import dataclass

_LOST_SHARE = 0.05  # most waiting in vain, as a share of the time that the engine computes
_REPORT_S = 60.0  # a deterministic barrier that stands this long says so


@dataclass
class BatchBarrier:
    """Number of expected callers, and the time to wait for them.

    Attributes:
        patience_s: Maximum seconds without an arrival before the engine steps without the absent
            callers; 0 never waits.
        deterministic: Wait for every caller, however long that takes.
        callers: Number of callers that joined and did not leave.
    """

    patience_s: float
    deterministic: bool = False
    callers: int = 0
    _late: int = 0  # callers not waited for, until they are back
    _debt_s: float = 0.0  # waiting in vain that computing has not made up for

    @property
    def wait_s(self) -> float:
        """Seconds to wait for the next arrival."""
        if self.deterministic:
            return _REPORT_S
        return 0.0 if self._debt_s > 0 else self.patience_s

    def complete(self, present: int) -> bool:
        """Test that all awaited callers have one of the `present` requests in."""
        away = max(self.callers - present, 0)
        self._late = min(self._late, away)
        return away <= self._late

    def miss(self, present: int, waited_s: float) -> None:
        """Stop waiting for the absent callers until they are back; `waited_s` were in vain."""
        self._late = self.callers - present
        self._debt_s += waited_s

    def computed(self, seconds: float) -> None:
        """Count time that the engine computed: a share of it makes up for waiting in vain."""
        self._debt_s = max(self._debt_s - _LOST_SHARE * seconds, 0.0)
