"""Adaptive size of the first round under dynamic sampling (CodeV-R1's adaptive DAPO)."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any, Literal

from pydantic import Field, PrivateAttr

from envgym.task import Task
from envgym.trainers.collection.samples import Group, differs
from envgym.trainers.plugin import register
from envgym.trainers.samplers.uniform import Uniform


@register("adaptive")
class Adaptive(Uniform):
    """First round of ceil(n / rho) tasks for n, with rho = min over steps of kept / played.

    CodeV-R1 (arXiv 2505.24183): under dynamic sampling a round of n tasks never fills a batch
    of n, and each further round waits for its own slowest episode. So the first one is as large as
    the worst step so far needed. The step's own share sizes the refills.

    Trap: one bad step sets rho for good; `floor` bounds it. With ``dynamic_rounds: 1`` a step
    keeps every group, and the batch itself would grow: `conflict` reports that.
    """

    floor: float = Field(0.25, gt=0, le=1, description="Lower bound of rho.")
    by: Literal["reward", "score"] = Field(
        "reward",
        description="Quantity that must differ within a kept group; same as rollout.dynamic_by.",
    )
    _rho: float = PrivateAttr(1.0)
    _kept: int = PrivateAttr(0)
    _played: int = PrivateAttr(0)

    def conflict(self, config: Any) -> str | None:
        """Report missing dynamic sampling, or one that keeps groups by another quantity."""
        if config.rollout.dynamic_rounds == 1:
            return (
                "it sizes the rounds of dynamic sampling: set rollout.dynamic_rounds to 2 or more"
            )
        if config.rollout.dynamic_by != self.by:
            return f"by: {self.by} is not rollout.dynamic_by: {config.rollout.dynamic_by}"
        return None

    def draw(
        self, source: Sequence[Task], count: int, seed: str, taken: Collection[str] = ()
    ) -> list[Task]:
        """Draw `count` tasks or, in a step's first round, `count` / rho."""
        if not taken:
            if self._played:
                self._rho = min(self._rho, max(self._kept / self._played, self.floor))
            self._kept = self._played = 0
            count = math.ceil(count / self._rho)
        return super().draw(source, count, seed, taken)

    def observe(self, groups: Sequence[Group]) -> None:
        """Count the played groups and the useful ones."""
        self._played += len(groups)
        self._kept += sum(differs(group, self.by) for group in groups)

    def state(self) -> dict[str, Any]:
        """The smallest share, and the counts of the unfinished step."""
        return {"rho": self._rho, "kept": self._kept, "played": self._played}

    def load(self, state: dict[str, Any]) -> None:
        """Restore the share and the counts."""
        self._rho, self._kept = state["rho"], state["kept"]
        self._played = state["played"]
