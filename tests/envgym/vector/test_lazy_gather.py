"""Coroutines run at once: order, tasks only for those that wait, failures, cancellation."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from envgym.vector.lazy_gather import lazy_gather


def tasks_made(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    made: list[Any] = []
    loop = asyncio.get_running_loop()
    create = loop.create_task

    def counting(work: Any, **kwargs: Any) -> Any:
        made.append(work)
        return create(work, **kwargs)

    monkeypatch.setattr(loop, "create_task", counting)
    return made


async def test_what_never_waits_needs_no_task(monkeypatch: pytest.MonkeyPatch) -> None:
    async def square(n: int) -> int:
        return n * n

    made = tasks_made(monkeypatch)
    assert await lazy_gather(square(n) for n in range(100)) == [n * n for n in range(100)]
    assert await lazy_gather(square(n) for n in (3,)) == [9]
    assert await lazy_gather(square(n) for n in ()) == []
    await asyncio.sleep(0)
    assert not made


@pytest.mark.parametrize("waits", [lambda n: True, lambda n: n % 3 == 0, lambda n: n == 99])
async def test_those_that_wait_wait_together(waits: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = peak = 0
    go = asyncio.Event()

    async def one(n: int) -> int:
        nonlocal waiting, peak
        if waits(n):
            waiting += 1
            peak = max(peak, waiting)
            if waiting == total:
                go.set()  # the last one lets all go on: it hangs unless they run at once
            await go.wait()
            await asyncio.sleep(0)
        return n

    total = sum(map(waits, range(100)))
    made = tasks_made(monkeypatch)
    assert await asyncio.wait_for(lazy_gather(one(n) for n in range(100)), 30) == list(range(100))
    assert peak == total
    assert len(made) <= total + 2


async def test_failures_stand_in_their_places() -> None:
    async def one(n: int) -> int:
        if n % 2:
            await asyncio.sleep(0)
        return 1 // (n % 3)

    outcomes = await lazy_gather(one(n) for n in range(6))
    assert [isinstance(o, ZeroDivisionError) for o in outcomes] == [True, False, False] * 2
    assert isinstance((await lazy_gather(one(n) for n in (0,)))[0], ZeroDivisionError)


async def test_each_is_one_task_from_end_to_end_so_timeouts_work() -> None:
    async def one(n: int) -> str:
        task = asyncio.current_task()
        try:
            async with asyncio.timeout(0.01 if n % 2 else 60):
                await asyncio.sleep(3600 if n % 2 else 0)
        except TimeoutError:
            return "late"
        return "same" if asyncio.current_task() is task else "other"

    assert await lazy_gather(one(n) for n in range(8)) == ["same", "late"] * 4


async def test_cancelling_cleans_up_and_begins_no_other() -> None:
    begun: list[int] = []
    cleaned: list[int] = []
    before = asyncio.all_tasks()

    async def one(n: int) -> None:
        begun.append(n)
        if n == 5:
            running.cancel()
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0)
            cleaned.append(n)

    running = asyncio.create_task(lazy_gather(one(n) for n in range(50)))
    with pytest.raises(asyncio.CancelledError):
        await running
    assert sorted(cleaned) == begun
    assert len(begun) < 10
    assert asyncio.all_tasks() == before
