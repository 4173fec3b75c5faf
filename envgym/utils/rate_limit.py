"""Client-side rate limit of one endpoint: requests and tokens per minute, and requested pauses.

All requests to an endpoint share one, so that none of them is sent while the server wants none:
retrying each by itself would only be refused again.
"""

from __future__ import annotations

import asyncio
import math
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from envgym.errors import UsageError

LONGEST_PAUSE_S = 60.0
"""Longest pause a server may ask for; after it the request is tried again."""

_UNITS = {"": 1.0, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(r"(\d{1,15}(?:\.\d{1,15})?)(ms|s|m|h|d|)")
_NUMBER = re.compile(r"-?\d{1,15}(?:\.\d{1,15})?")
_EPOCH_S, _EPOCH_MS = 1e9, 1e12
"""Numbers from these on are points in time, in seconds and milliseconds."""
_KINDS = ("-requests", "-tokens", "")


class RateLimit:
    """Rate limiter that spaces requests evenly and pauses all of them when the server asks.

    Evenly, because servers count by the second as well: 600 a minute are one each 0.1 s, and no
    minute holds more than the limit.

    Args:
        requests_per_minute: Maximum number of requests; None for no limit.
        tokens_per_minute: Maximum number of prompt and answer tokens; None for no limit.
    """

    def __init__(
        self, requests_per_minute: float | None = None, tokens_per_minute: float | None = None
    ) -> None:
        for name, rate in (("requests", requests_per_minute), ("tokens", tokens_per_minute)):
            if rate is not None and not (rate > 0 and math.isfinite(rate)):
                raise UsageError(f"{name}_per_minute must be above 0, not {rate}")
        self._requests, self._tokens = _Line(requests_per_minute), _Line(tokens_per_minute)
        self._closed_until = 0.0

    async def admit(self, tokens: float = 0.0) -> None:
        """Wait until a request of about `tokens` tokens may be sent."""
        now = time.monotonic()
        start = max(self._requests.reserve(now, 1), self._tokens.reserve(now, tokens))
        try:
            while True:
                left = max(start, self._closed_until) - time.monotonic()
                if left <= 0:
                    break
                await asyncio.sleep(left)
        except asyncio.CancelledError:  # it was not sent
            self._requests.shift(-1)
            self._tokens.shift(-tokens)
            raise

    def settle(self, tokens: float) -> None:
        """Correct a reservation by this number of tokens; negative where fewer were used."""
        self._tokens.shift(tokens)

    def pause(self, seconds: float) -> None:
        """Hold back all requests for some seconds, at most `LONGEST_PAUSE_S`."""
        until = time.monotonic() + min(seconds, LONGEST_PAUSE_S)
        self._closed_until = max(self._closed_until, until)

    def note(self, headers: Mapping[str, str]) -> None:
        """Pause where a response's headers report an exhausted limit, until its reset."""
        for prefix in ("x-ratelimit", "ratelimit"):
            for kind in _KINDS:
                left = headers.get(f"{prefix}-remaining{kind}", "").strip()
                if _NUMBER.fullmatch(left) and float(left) <= 0:
                    reset = seconds_until(headers.get(f"{prefix}-reset{kind}", ""), headers)
                    self.pause(reset or 0.0)


class _Line:
    """Room for `rate` units a minute, given out in the order asked for."""

    def __init__(self, rate: float | None) -> None:
        self._each = 60.0 / rate if rate else 0.0
        self._free_at = 0.0

    def reserve(self, now: float, amount: float) -> float:
        """Time at which a request of `amount` units may start."""
        start = max(now, self._free_at)
        self._free_at = start + amount * self._each
        return start

    def shift(self, amount: float) -> None:
        """Count `amount` units more (or fewer) than were reserved."""
        self._free_at += amount * self._each


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a response asks to wait before a retry; None where it does not say.

    ``Retry-After`` is a number of seconds or a date; some servers give milliseconds beside it.
    """
    if (precise := headers.get("retry-after-ms", "").strip()) and _NUMBER.fullmatch(precise):
        return max(0.0, float(precise) / 1000)
    return seconds_until(headers.get("Retry-After", ""), headers)


def seconds_until(text: str, headers: Mapping[str, str]) -> float | None:
    """Parse a header's value to seconds from now; None where it names none.

    Args:
        text: A number (``"1.5"``), a duration (``"6m0s"``, ``"20ms"``), a date, or a point in time
            as a number of seconds or milliseconds since 1970.
        headers: Headers of the same response; ``Date`` is the server's clock.
    """
    text = text.strip()[:64]
    if _NUMBER.fullmatch(text):
        number = float(text)
        if number >= _EPOCH_S:
            number = number / (1000 if number >= _EPOCH_MS else 1) - _now(headers)
        return max(0.0, number)
    parts = _PART.findall(text)
    if parts and "".join(a + b for a, b in parts) == text:
        return sum(float(amount) * _UNITS[unit] for amount, unit in parts)
    date = _date(text)
    return None if date is None else max(0.0, date - _now(headers))


def _now(headers: Mapping[str, str]) -> float:
    server = _date(headers.get("Date", ""))
    return time.time() if server is None else server


def _date(text: str) -> float | None:
    """Seconds since 1970 of an HTTP or ISO date."""
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            found = read(text)
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    return None
