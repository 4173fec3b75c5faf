"""How the suites say what they expect: an error that shows the whole result, not just ``False``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any

from envgym.sandboxes.outcome import Outcome, Result

PROMPT_S = 2.0
"""Seconds within which what should be at once is: one, and one more for a loaded machine."""


OPENED_S = PROMPT_S + 4.0
"""The same, where a box is opened first: a container's start is no part of a refusal."""


class Broken(AssertionError):
    """A backend did not keep the contract, or a program got out."""


def must(condition: object, said: str, result: Result | None = None) -> None:
    """Raise `Broken` with what was expected, and the result, unless the condition holds."""
    if not condition:
        raise Broken(said if result is None else f"{said}; it was {shown(result)}")


def shown(result: Result) -> str:
    """A result in a few lines: the ends of what it wrote."""
    return (
        f"{result.outcome} exit_code={result.exit_code} wall_s={result.wall_s:.2f} "
        f"cpu_s={result.cpu_s:.2f} detail={result.detail!r}\n"
        f"  stdout ({len(result.stdout)} bytes): {result.stdout[-800:]!r}\n"
        f"  stderr ({len(result.stderr)} bytes): {result.stderr[-800:]!r}"
    )


def ended(result: Result, *outcomes: Outcome, text: str | None = None) -> Result:
    """The result, which ended in one of these ways and printed just this text."""
    must(result.outcome in outcomes, f"expected {' or '.join(outcomes)}", result)
    must(text is None or result.text == text, f"expected {text!r} on stdout", result)
    return result


async def refused(
    call: Awaitable[Any], *kinds: type[Exception], seconds: float = PROMPT_S
) -> Exception:
    """The error that the call is refused with, at once; `Broken` where it is not."""
    try:
        async with promptly("a refusal", seconds):
            value = await call
    except kinds as error:
        must("\n" not in str(error), f"an error message is one line: {error!r}")
        return error
    names = " or ".join(kind.__name__ for kind in kinds)
    raise Broken(f"expected {names}, got {value!r:.200}")


@asynccontextmanager
async def promptly(what: str, seconds: float = PROMPT_S) -> AsyncIterator[None]:
    """`Broken` where the body takes longer."""
    try:
        async with asyncio.timeout(seconds) as deadline:
            yield
    except TimeoutError:
        if not deadline.expired():
            raise
        raise Broken(f"{what} took more than {seconds} s") from None
