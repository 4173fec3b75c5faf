"""Even sampling of long lists, the first and the last entry included."""

from __future__ import annotations


def evenly(count: int, limit: int) -> list[int]:
    """Choose at most `limit` indices of ``range(count)``, in order and evenly spread."""
    if count <= limit:
        return list(range(count))
    if limit <= 1:
        return [count - 1][:limit]
    return [i * (count - 1) // (limit - 1) for i in range(limit)]
