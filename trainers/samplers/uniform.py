"""Uniform choice of tasks."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence

from pydantic import Field

from envgym.errors import UsageError
from envgym.task import Task
from envgym.trainers.plugin import register
from envgym.trainers.samplers.base import Sampler, draw_from

POOL = Field(
    None,
    ge=1,
    description="Number of first tasks of the source to draw from; null draws from all of them.",
)


@register("uniform")
class Uniform(Sampler):
    """Sampler that draws tasks without replacement within a step, all equally likely."""

    pool: int | None = POOL

    def draw(
        self, source: Sequence[Task], count: int, seed: str, taken: Collection[str] = ()
    ) -> list[Task]:
        """Draw `count` tasks, distinct where the source has enough of them."""
        places = range(pool_size(source, self.pool))
        return draw_from(source, places, count, random.Random(seed), taken)

    def check_source(self, source: Sequence[Task]) -> None:
        """Check that there are tasks."""
        pool_size(source, self.pool)


def pool_size(source: Sequence[Task], pool: int | None) -> int:
    """Number of tasks in a pool of first tasks.

    Raises:
        UsageError: The source has none.
    """
    if not source:
        raise UsageError(
            "sampler: the environment has no training tasks: give it arguments with which "
            "tasks('train') holds some"
        )
    return len(source) if pool is None else min(pool, len(source))
