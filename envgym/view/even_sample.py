"""Which of too many things a page holds: some, spread evenly, the first and the last among them."""

from __future__ import annotations


def evenly(count: int, limit: int) -> list[int]:
    """At most `limit` of ``range(count)``, in order, as far apart as they can be."""
    if count <= limit:
        return list(range(count))
    if limit <= 1:
        return [count - 1][:limit]
    return [i * (count - 1) // (limit - 1) for i in range(limit)]
