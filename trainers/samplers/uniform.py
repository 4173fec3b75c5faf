"""Uniform choice of tasks."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence

from envgym.task import Task
from envgym.trainers.plugin import register
from envgym.trainers.samplers.base import Sampler


@register("uniform")
class Uniform(Sampler):
    """Sampler that draws tasks without replacement within a step, all equally likely."""

    def draw(
        self, source: Sequence[Task], count: int, seed: str, taken: Collection[str] = ()
    ) -> list[Task]:
        """Draw `count` tasks, distinct where the source has enough of them."""
        rng = random.Random(seed)
        places = range(len(source))
        order = rng.sample(places, min(len(source), count + len(taken)))
        tasks = [source[i] for i in order if source[i].key not in taken][:count]
        while len(tasks) < count:  # all were drawn: once more
            more = min(count - len(tasks), len(source))
            tasks += [source[i] for i in rng.sample(places, more)]
        return tasks
