"""An advantage of your own: a recipe names it ``custom_advantage:Ranked``.

`custom_advantage.yaml` is such a recipe. Every other kind of plug-in (loss, reward, sampler,
batching, hook) is named in the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from pydantic import Field

from envgym.trainers.advantages import Advantage
from envgym.trainers.collection.samples import Group


class Ranked(Advantage):
    """A = scale · (share of the group that did worse - share that did better).

    Only the order of the rewards counts, so a single huge reward cannot drown the others.
    """

    compares: ClassVar[bool] = True  # a group of one has nothing to be compared with
    scale: float = Field(1.0, gt=0, description="Advantage of an episode better than all others.")

    def __call__(self, groups: Sequence[Group]) -> None:
        """Set the advantage of every action token."""
        for group in groups:
            rewards = np.array([sample.reward for sample in group])
            worse = (rewards[:, None] > rewards).mean(1)
            better = (rewards[:, None] < rewards).mean(1)
            for sample, advantage in zip(group, worse - better, strict=True):
                sample.spread(float(self.scale * advantage))
