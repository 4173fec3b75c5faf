"""Interface of advantage plug-ins: set `Sample.advantages`, per turn, before rows exist."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from envgym.errors import UsageError
from envgym.trainers.advantages.credit import Floats, lengths
from envgym.trainers.collection.samples import Group, Sample
from envgym.trainers.plugin import Plugin


class Advantage(Plugin):
    """Plug-in that computes the advantage of every action token.

    Groups hold each episode once, however many rows it will have. They are of one seat and one
    role. A method that needs ``value`` sets `Sample.returns` too.

    Attributes:
        compares: Whether it credits by comparison within a group: a group of one gets zero.
        returns_to_go: Whether a turn's credit is the sum of the rewards from it on, less a baseline
            and not over a deviation.
    """

    point: ClassVar[str] = "advantage"
    compares: ClassVar[bool] = False
    returns_to_go: ClassVar[bool] = True

    def conflict(self, config: Any) -> str | None:
        """Report groups of one for a method that compares, and a critic missing or unused."""
        if self.compares and config.rollout.group_size == 1:
            return (
                "it compares the episodes of a group, and groups of one get nothing: set "
                "rollout.group_size to 2 or more, or take an advantage that does not compare"
            )
        if "value" in self.needs and config.critic is None:
            return "it needs values: add critic: {kind: head}"
        if config.critic is not None and "value" not in self.needs:
            return "it uses no values: take one that does, such as gae, or leave the critic out"
        return None

    @abstractmethod
    def __call__(self, groups: Sequence[Group]) -> None:
        """Set the advantages of every sample."""

    def report(self) -> dict[str, float]:
        """Metrics of the last call."""
        return {}

    def values(self, sample: Sample) -> Floats:
        """The critic's values of a sample, float64 [tokens].

        Raises:
            UsageError: There is no critic, or its values are not one per action token.
        """
        if sample.value is None:
            raise UsageError(
                f"advantage {self.name!r} needs the values of a critic: give the recipe one "
                "(`critic: …`), or take an advantage without, such as grpo"
            )
        if [len(v) for v in sample.value] != lengths(sample).tolist():
            raise UsageError(f"advantage {self.name!r} needs a value for every action token")
        return np.concatenate([*sample.value, np.zeros(0)]).astype(np.float64)
