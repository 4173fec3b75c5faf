"""The environment under examination: how to make it, and how much of it to look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from envgym.env import Env
from envgym.errors import UsageError
from envgym.task import Task


@dataclass
class Target:
    """How to make the environment, and how much of it to look at.

    Attributes:
        episodes: Tasks looked at in each split, and seeds tried.
        company: Live instances of other seeds among which episodes are played again.
        splits: The splits it is expected to have; ``test`` may be missing.
    """

    make: Callable[[], Env[Any]]
    episodes: int = 4
    company: int = 1000
    splits: Sequence[str] = ("train", "test")

    @asynccontextmanager
    async def env(self) -> Any:
        """A fresh instance, closed at the end."""
        env = self.make()
        try:
            yield env
        finally:
            await env.close()

    def sources(self, env: Env[Any]) -> Iterator[tuple[str, Sequence[Task]]]:
        """The splits that are there; the first one has to be."""
        for split in self.splits:
            try:
                source = env.tasks(split)
            except UsageError:
                if split == self.splits[0]:
                    raise
                continue
            yield split, source


def spread(size: int, count: int) -> list[int]:
    """`count` indices spread evenly over ``range(size)``; all of them when there are fewer."""
    count = min(size, count)
    return [i * size // count for i in range(count)]
