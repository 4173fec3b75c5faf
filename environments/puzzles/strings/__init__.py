"""String puzzles: chains of string functions to evaluate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envgym.utils.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from envgym.environments.puzzles.strings.environment import MAX_INPUT, MAX_LEVEL, Strings

__all__ = ["MAX_INPUT", "MAX_LEVEL", "Strings"]

__getattr__ = lazy_exports(
    __name__,
    {
        "environment": (
            "MAX_LEVEL",
            "MAX_INPUT",
            "Strings",
        )
    },
)
