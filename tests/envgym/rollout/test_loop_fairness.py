"""Many episodes leave the loop room, and its lag is measured."""

from __future__ import annotations

import asyncio
import time

import pytest

from envgym.rollout.loop_fairness import SLICE_S, FairYield, LoopLag


class Clock:
    """A loop's clock that only moves when told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: self.now)


async def test_within_a_slice_nobody_stands_in_line(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    pace = FairYield()
    clock.now += SLICE_S / 2
    assert not pace.due()
    clock.now += SLICE_S
    assert pace.due()


async def test_one_goes_on_at_each_turn_of_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    loop = asyncio.get_running_loop()
    pace = FairYield()
    turns = 0
    gone_on: list[tuple[int, int]] = []

    def count() -> None:
        nonlocal turns
        turns += 1
        if len(gone_on) < 30:
            loop.call_soon(count)

    async def work(n: int) -> None:
        for _ in range(3):
            clock.now += 2 * SLICE_S  # longer than a slice: due at once
            if pace.due():
                await pace.wait_turn()
            gone_on.append((n, turns))

    count()
    await asyncio.gather(*(work(n) for n in range(10)))
    assert [n for n, _ in gone_on] == [*range(10)] * 3  # first come, first served
    at = [turn for _, turn in gone_on]
    assert len(set(at)) == len(at)  # never two in one turn


async def test_one_cancelled_in_line_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    Clock(monkeypatch)
    pace = FairYield()
    waiting = [asyncio.create_task(pace.wait_turn()) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    waiting[1].cancel()
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert outcomes[2] is None
    await pace.wait_turn()


async def test_a_block_is_measured() -> None:
    lag = LoopLag()
    lag.start()
    await asyncio.sleep(0.03)
    time.sleep(0.12)  # noqa: ASYNC251  (the offence)
    await asyncio.sleep(0.03)
    assert lag.stop() >= 0.1
    before = len(asyncio.all_tasks())
    assert before == 1
    assert lag._timer.cancelled()


async def test_a_block_just_before_the_end_counts() -> None:
    lag = LoopLag()
    lag.start()
    time.sleep(0.12)  # noqa: ASYNC251
    assert lag.stop() >= 0.1
