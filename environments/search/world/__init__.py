"""Generated encyclopedia: entities, facts, pages, and questions of one to four hops."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envgym.utils.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from envgym.environments.search.world.world import MIN_SIZE, Fact, World

__all__ = ["MIN_SIZE", "Fact", "World"]

__getattr__ = lazy_exports(
    __name__,
    {
        "world": (
            "MIN_SIZE",
            "Fact",
            "World",
        )
    },
)
