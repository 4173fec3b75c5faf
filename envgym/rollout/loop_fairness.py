"""Fair yielding of the event loop between episodes, and a meter of the loop's lag.

Episodes whose steps never wait, or a thousand whose completions arrive at once, would block the
event loop until all of them are through: a live page, a server or a deadline in the same loop would
hang. `FairYield` lets them take turns: once the loop was busy for a time slice, the episodes queue,
and one continues per iteration of the loop. `LoopLag` measures the result.
"""

from __future__ import annotations

import asyncio
from collections import deque

SLICE_S = 0.005
"""Most time that episodes work between two turns of the loop, one step's own length aside."""
PROBE_S = 0.01


class FairYield:
    """Queue in which the episodes of a rollout take turns on the event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._line: deque[asyncio.Future[None]] = deque()
        self._until = self._loop.time() + SLICE_S
        self._turning = False

    def due(self) -> bool:
        """Test that the time slice is over: then await `wait_turn` before the next step."""
        return self._loop.time() > self._until

    async def wait_turn(self) -> None:
        """Wait in the queue for the next turn."""
        place = self._loop.create_future()
        self._line.append(place)
        if not self._turning:
            self._turning = True
            self._loop.call_soon(self._next)
        await place

    def _next(self) -> None:
        while self._line and self._line[0].done():  # cancelled in line
            self._line.popleft()
        self._turning = bool(self._line)
        if self._turning:
            self._until = self._loop.time() + SLICE_S
            self._line.popleft().set_result(None)
            self._loop.call_soon(self._next)


class LoopLag:
    """Meter of the longest time for which an event loop was blocked between `start` and `stop`.

    A timer notes how late it comes; shorter blocks than the time between two timers may be missed
    in part, none is overrated by more than the timer's own precision.
    """

    def __init__(self) -> None:
        self.longest_s = 0.0

    def start(self) -> None:
        """Start measuring; call it in the loop."""
        self._loop = asyncio.get_running_loop()
        self._arm()

    def stop(self) -> float:
        """Stop measuring; return the longest block in seconds."""
        self._note()
        self._timer.cancel()
        return self.longest_s

    def _arm(self) -> None:
        self._expected = self._loop.time() + PROBE_S
        self._timer = self._loop.call_at(self._expected, self._ring)

    def _ring(self) -> None:
        self._note()
        self._arm()

    def _note(self) -> None:
        self.longest_s = max(self.longest_s, self._loop.time() - self._expected)
