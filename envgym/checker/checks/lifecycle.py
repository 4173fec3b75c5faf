"""Check that an environment may be closed repeatedly and refuses calls in the wrong order."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from envgym.checker.malformed_actions import NOTHING
from envgym.checker.report import Problem
from envgym.checker.target import Target
from envgym.checker.traces import begin, play_nothing
from envgym.errors import UsageError


async def close_twice(target: Target) -> AsyncIterator[Problem]:
    """Check that a second close does nothing, and that a close without an episode is allowed."""
    for played in (False, True):
        env = target.make()
        if played:
            await begin(env, seed=0)
        await env.close()
        try:
            await env.close()
        except Exception as error:
            yield Problem(
                f"the second close raised {type(error).__name__}: {error}",
                "release things in stop(), which is called once, and do not override close()",
            )


async def wrong_order_is_refused(target: Target) -> AsyncIterator[Problem]:
    """Check that a step before a reset, after the end or after closing raises UsageError."""
    fix = "do not override step() and reset(); they keep the order"
    env = target.make()
    try:
        if said := await _not_refused(lambda: env.step(NOTHING)):
            yield Problem(f"a step before the first reset {said}", fix)
        await play_nothing(env, await begin(env, seed=0))
        if said := await _not_refused(lambda: env.step(NOTHING)):
            yield Problem(f"a step after the end {said}", fix)
    finally:
        await env.close()
    if said := await _not_refused(lambda: env.reset(seed=0)):
        yield Problem(f"a reset after closing {said}", fix)


async def _not_refused(doing: Callable[[], Awaitable[Any]]) -> str | None:
    """Describe the behaviour in place of a UsageError; None if it was raised."""
    try:
        await doing()
    except UsageError:
        return None
    except Exception as error:
        return f"raises {type(error).__name__} instead of UsageError"
    return "is accepted"
