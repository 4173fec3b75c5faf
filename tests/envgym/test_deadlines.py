from __future__ import annotations

import asyncio
import time

import pytest

from envgym.deadlines import within


async def test_gives_the_result() -> None:
    async def quick() -> int:
        return 3

    async def slow() -> int:
        await asyncio.sleep(0.001)
        return 4

    assert await within(1.0, quick()) == 3
    assert await within(None, slow()) == 4
    assert await within(1.0, slow()) == 4


async def test_passes_errors_on() -> None:
    async def fails(wait: bool) -> None:
        if wait:
            await asyncio.sleep(0)
        raise KeyError("x")

    for wait in (False, True):
        with pytest.raises(KeyError):
            await within(1.0, fails(wait))


async def test_what_waits_too_long_is_cancelled_and_cleaned_up() -> None:
    cleaned: list[str] = []

    async def hangs() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0)
            cleaned.append("yes")

    began = time.monotonic()
    with pytest.raises(TimeoutError):
        await within(0.02, hangs())
    assert time.monotonic() - began < 5
    assert cleaned == ["yes"]


async def test_cancelling_from_outside_is_no_timeout() -> None:
    async def hangs() -> None:
        await asyncio.sleep(60)

    task = asyncio.create_task(within(60, hangs()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_deadlines_nest_and_many_run_at_once() -> None:
    async def hangs() -> None:
        await asyncio.sleep(60)

    async def outer() -> str:
        try:
            await within(0.01, hangs())
        except TimeoutError:
            await asyncio.sleep(0.001)
            return "inner"
        return "none"

    assert await asyncio.gather(*(within(30, outer()) for _ in range(50))) == ["inner"] * 50
