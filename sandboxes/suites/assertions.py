"""Assertions of the suites, whose errors show the whole result."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any

from envgym.sandboxes.outcome import Outcome, Result

PROMPT_S = 2.0
"""Seconds that an immediate answer may take: one, and one more for a loaded machine."""


OPENED_S = PROMPT_S + 4.0
"""The same, if a sandbox is opened first: a container's start is no part of a refusal."""


class CaseFailed(AssertionError):
    """A backend broke the contract, or a program got out."""


def require(condition: object, said: str, result: Result | None = None) -> None:
    """Raise `CaseFailed` with the expectation and the result unless the condition holds."""
    if not condition:
        raise CaseFailed(said if result is None else f"{said}; it was {describe(result)}")


def describe(result: Result) -> str:
    """Format a result in a few lines, with the ends of its output."""
    return (
        f"{result.outcome} exit_code={result.exit_code} wall_s={result.wall_s:.2f} "
        f"cpu_s={result.cpu_s:.2f} detail={result.detail!r}\n"
        f"  stdout ({len(result.stdout)} bytes): {result.stdout[-800:]!r}\n"
        f"  stderr ({len(result.stderr)} bytes): {result.stderr[-800:]!r}"
    )


def require_outcome(result: Result, *outcomes: Outcome, text: str | None = None) -> Result:
    """Return the result if it has one of these outcomes and exactly this output."""
    require(result.outcome in outcomes, f"expected {' or '.join(outcomes)}", result)
    require(text is None or result.text == text, f"expected {text!r} on stdout", result)
    return result


async def require_error(
    call: Awaitable[Any], *kinds: type[Exception], seconds: float = PROMPT_S
) -> Exception:
    """Return the error that the call raises at once; `CaseFailed` without one."""
    try:
        async with require_within("a refusal", seconds):
            value = await call
    except kinds as error:
        require("\n" not in str(error), f"an error message is one line: {error!r}")
        return error
    names = " or ".join(kind.__name__ for kind in kinds)
    raise CaseFailed(f"expected {names}, got {value!r:.200}")


@asynccontextmanager
async def require_within(what: str, seconds: float = PROMPT_S) -> AsyncIterator[None]:
    """Raise `CaseFailed` if the body takes longer."""
    try:
        async with asyncio.timeout(seconds) as deadline:
            yield
    except TimeoutError:
        if not deadline.expired():
            raise
        raise CaseFailed(f"{what} took more than {seconds} s") from None
