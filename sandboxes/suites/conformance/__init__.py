"""Conformance suite: the behaviour that every backend must show, one case per coroutine function.

A case raises `CaseFailed`, or lets an unexpected error of the backend through. Cases of `BOX` take
a fresh sandbox, those of `WHOLE` a backend.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from types import ModuleType
from typing import Any

from envgym.sandboxes.suites.conformance import (
    boxes,
    files,
    limits,
    outcomes,
    programs,
    sessions,
    streams,
)

Case = Callable[[Any], Awaitable[None]]


def _cases(module: ModuleType) -> tuple[Case, ...]:
    return tuple(
        found
        for name, found in vars(module).items()
        if inspect.iscoroutinefunction(found)
        and found.__module__ == module.__name__
        and not name.startswith("_")
    )


BOX: tuple[Case, ...] = (*_cases(programs), *_cases(streams), *_cases(files), *_cases(sessions))
WHOLE: tuple[Case, ...] = (*_cases(limits), *_cases(outcomes), *_cases(boxes))
CASES: tuple[Case, ...] = (*BOX, *WHOLE)

__all__ = ["BOX", "CASES", "WHOLE", "Case"]
