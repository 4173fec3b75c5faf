"""One timer for many deadlines: it passes where one has passed, and is none of anybody else's."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from envgym.serve.reusable_timeout import ReusableTimeout


async def wait(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "done"


def timers() -> list[Any]:
    loop: Any = asyncio.get_running_loop()
    return [t for t in loop._scheduled if not t.cancelled() and "_expire" in repr(t)]


async def test_a_deadline_passes_and_the_task_goes_on() -> None:
    timeout = ReusableTimeout()
    with pytest.raises(TimeoutError):
        await timeout.within(0.05, wait(30))
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    assert await timeout.within(5, wait(0.01)) == "done"
    with pytest.raises(TimeoutError):  # shorter than the one that the timer stands for
        await timeout.within(0.05, wait(30))
    timeout.stop()
    assert not timers()


async def test_a_hundred_deadlines_are_one_timer() -> None:
    timeout = ReusableTimeout()
    for _ in range(100):
        await timeout.within(60, wait(0))
        assert len(timers()) == 1
    timeout.stop()


async def test_the_timer_follows_the_deadline() -> None:
    timeout = ReusableTimeout()
    assert await timeout.within(0.1, wait(0)) == "done"
    assert await timeout.within(30, wait(0.2)) == "done"  # beyond the first one
    with pytest.raises(TimeoutError):
        await timeout.within(0.1, wait(30))
    await asyncio.sleep(0.3)  # comes due while nothing is waited for
    assert not timers()
    assert await timeout.within(5, wait(0)) == "done"
    timeout.stop()


async def test_what_another_cancels_is_cancelled() -> None:
    timeout = ReusableTimeout()
    task = asyncio.create_task(timeout.within(60, wait(30)))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(TimeoutError):  # the outer deadline's own
        async with asyncio.timeout(0.05):
            await timeout.within(60, wait(30))
    timeout.stop()


async def test_what_it_raises_is_raised() -> None:
    async def fail() -> None:
        await asyncio.sleep(0)
        raise ValueError("so")

    timeout = ReusableTimeout()
    with pytest.raises(ValueError, match="so"):
        await timeout.within(60, fail())
    timeout.stop()
