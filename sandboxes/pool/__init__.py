"""Pool of warm sandboxes: leases, health checks, statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envgym.utils.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from envgym.sandboxes.pool.pool import Pool, PoolFull

__all__ = ["Pool", "PoolFull"]

__getattr__ = lazy_exports(
    __name__,
    {
        "pool": (
            "PoolFull",
            "Pool",
        )
    },
)
