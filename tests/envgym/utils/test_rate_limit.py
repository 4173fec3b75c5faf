from __future__ import annotations

import asyncio
import time
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envgym.errors import UsageError
from envgym.utils.rate_limit import LONGEST_PAUSE_S, RateLimit, retry_after, seconds_until


async def _times(limit: RateLimit, count: int, tokens: float = 0.0) -> list[float]:
    began = time.monotonic()

    async def one() -> float:
        await limit.admit(tokens)
        return time.monotonic() - began

    return sorted(await asyncio.gather(*(one() for _ in range(count))))


async def test_requests_are_spaced() -> None:
    for i, moment in enumerate(await _times(RateLimit(requests_per_minute=1200), 8)):
        assert moment >= 0.05 * i - 0.01


async def test_tokens_are_spaced_and_corrected() -> None:
    limit = RateLimit(tokens_per_minute=60_000)
    assert (await _times(limit, 3, tokens=100))[-1] >= 0.19
    limit.settle(1500)  # an answer was longer than thought
    assert (await _times(limit, 1))[0] >= 0.5
    limit.settle(60_000)
    limit.settle(-60_000)
    assert (await _times(limit, 1))[0] < 30


async def test_a_pause_holds_all_back_and_is_bounded() -> None:
    limit = RateLimit()
    limit.pause(1.0)
    assert (await _times(limit, 3))[0] >= 0.5
    limit.pause(1e12)
    assert limit._closed_until <= time.monotonic() + LONGEST_PAUSE_S


async def test_who_is_cancelled_takes_no_room() -> None:
    limit = RateLimit(requests_per_minute=1)
    await limit.admit()
    room = limit._requests._free_at
    waiting = asyncio.create_task(limit.admit())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert limit._requests._free_at == pytest.approx(room)


@pytest.mark.parametrize(
    ("left", "reset", "paused"),
    [("0", "20s", 20), ("0", "20000ms", 20), ("1", "20s", 0), ("x", "9", 0), ("0", "1e9", 0)],
)
@pytest.mark.parametrize("kind", ["-requests", "-tokens", ""])
def test_headers_that_say_nothing_is_left(left: str, reset: str, paused: float, kind: str) -> None:
    limit = RateLimit()
    began = time.monotonic()
    limit.note({f"x-ratelimit-remaining{kind}": left, f"x-ratelimit-reset{kind}": reset})
    told = limit._closed_until - began
    assert told >= 20 if paused else told <= time.monotonic() - began


def test_seconds_dates_and_milliseconds() -> None:
    now = time.time()
    date = {"Date": formatdate(now, usegmt=True)}
    assert retry_after({"Retry-After": "2"}) == 2
    assert retry_after({"Retry-After": "1.5"}) == 1.5
    assert retry_after({"Retry-After": "9", "retry-after-ms": "250"}) == 0.25
    assert retry_after({"Retry-After": formatdate(now + 30, usegmt=True), **date}) == 30
    assert retry_after({"Retry-After": formatdate(now - 30, usegmt=True), **date}) == 0
    skewed = {"Date": formatdate(now + 3600, usegmt=True)}  # the server's clock counts
    later = formatdate(now + 3605, usegmt=True)
    assert retry_after({"Retry-After": later, **skewed}) == 5
    assert retry_after({"Retry-After": "-1"}) == 0
    for silent in ({}, {"Retry-After": ""}, {"Retry-After": "soon"}):
        assert retry_after(silent) is None
    assert seconds_until("1h2m3s", {}) == 3723
    assert seconds_until("6m0s", {}) == 360
    assert seconds_until(f"{int(now) + 7}", date) == pytest.approx(7, abs=1)
    assert seconds_until(f"{int(now * 1000) + 7000}", date) == pytest.approx(7, abs=1)
    assert seconds_until("2026-01-01T00:00:05Z", {"Date": "Thu, 01 Jan 2026 00:00:00 GMT"}) == 5


@given(st.text() | st.sampled_from(["9" * 400, "1e999", "nan", "inf", "1s" * 50, "٣"]))
def test_any_header_is_read(text: str) -> None:
    found = seconds_until(text, {"Date": text})
    assert found is None or found >= 0


@pytest.mark.parametrize("rate", [0, -1, float("nan"), float("inf")])
def test_impossible_rates(rate: float) -> None:
    with pytest.raises(UsageError, match="requests_per_minute must be above 0"):
        RateLimit(requests_per_minute=rate)
