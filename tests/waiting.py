"""Waiting in tests for what happens elsewhere in the process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

_STEP_S = 0.002


async def until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Wait until a condition holds; fail where it does not in time."""
    for _ in range(int(seconds / _STEP_S)):
        if condition():
            return
        await asyncio.sleep(_STEP_S)
    raise AssertionError(f"not within {seconds:g} s")
