"""Target of the checks: the environment factory, and the sample sizes."""

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
    """The environment to check: its factory, and the numbers of tasks and instances to use.

    Attributes:
        episodes: Number of tasks per split, and of seeds, to use.
        company: Number of live instances of other seeds in the isolation check.
        splits: Expected splits; all but the first may be missing.
    """

    make: Callable[[], Env[Any]]
    episodes: int = 4
    company: int = 1000
    splits: Sequence[str] = ("train", "test")

    @asynccontextmanager
    async def env(self) -> Any:
        """Make a fresh instance and close it at the end."""
        env = self.make()
        try:
            yield env
        finally:
            await env.close()

    def sources(self, env: Env[Any]) -> Iterator[tuple[str, Sequence[Task]]]:
        """Iterate over the existing splits and their tasks; the first split must exist."""
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
