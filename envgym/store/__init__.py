"""Episode store: recorded episodes on disk, as JSON rows beside arrays of token ids."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envgym.utils.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from envgym.store.episodes import (
        EpisodeWriter,
        read_episodes,
        shard_number,
        shard_tokens,
        shards,
    )

__all__ = ["EpisodeWriter", "read_episodes", "shard_number", "shard_tokens", "shards"]

__getattr__ = lazy_exports(
    __name__,
    {
        "episodes": (
            "EpisodeWriter",
            "read_episodes",
            "shards",
            "shard_number",
            "shard_tokens",
        ),
    },
)
