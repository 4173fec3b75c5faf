"""Keeps an event loop answering while many episodes want to work at once.

Episodes whose steps never wait, or a thousand whose completions arrive together, would hold the
loop until all of them are through: a live page, a server or a deadline beside them would hang.
Here they work by turns: once the loop was held for a slice, those that want to go on stand in line,
and one goes on at each turn of the loop. `LoopLag` measures what came of it.
"""

from __future__ import annotations

import asyncio
from collections import deque

SLICE_S = 0.005
"""Most time that episodes work between two turns of the loop, one step's own length aside."""
PROBE_S = 0.01


class FairYield:
    """A line before the loop, shared by the episodes of a rollout."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._line: deque[asyncio.Future[None]] = deque()
        self._until = self._loop.time() + SLICE_S
        self._turning = False

    def due(self) -> bool:
        """Whether the slice is over: then await `wait_turn` before going on."""
        return self._loop.time() > self._until

    async def wait_turn(self) -> None:
        """Stand in line."""
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
    """The longest that an event loop was blocked between `start` and `stop`.

    A timer notes how late it comes; shorter blocks than the time between two timers may be missed
    in part, none is overrated by more than the timer's own precision.
    """

    def __init__(self) -> None:
        self.longest_s = 0.0

    def start(self) -> None:
        """Begin; called in the loop."""
        self._loop = asyncio.get_running_loop()
        self._arm()

    def stop(self) -> float:
        """End; the longest block in seconds."""
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
