"""Every task alike."""

from __future__ import annotations

import random
from collections.abc import Sequence

from envgym.task import Task
from envgym.trainers.plugin import register
from envgym.trainers.samplers.base import Sampler


@register("uniform")
class Uniform(Sampler):
    """Tasks drawn without replacement within a step, all equally likely."""

    name: str = "uniform"

    def draw(self, source: Sequence[Task], count: int, seed: str) -> list[Task]:
        """Distinct tasks where the source has enough of them."""
        rng = random.Random(seed)
        if count <= len(source):
            return [source[i] for i in rng.sample(range(len(source)), count)]
        return [source[rng.randrange(len(source))] for _ in range(count)]
