"""Tasks of medium success first, the others by a share of exploration."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from typing import Any

from pydantic import Field, PrivateAttr

from envgym.task import Task
from envgym.trainers.collection.samples import Group
from envgym.trainers.plugin import register
from envgym.trainers.samplers.base import Sampler, draw_distinct, draw_from
from envgym.trainers.samplers.success_rates import DIFFICULTY, TASK, RunningRates, TaskLabels
from envgym.trainers.samplers.uniform import POOL, pool_size


@register("success_band")
class SuccessBand(Sampler):
    """Draws tasks with running rate r in [``low``, ``high``]; each slot explores with ``explore``.

    r <- r + ``newest`` (mean score of the round - r), per task, per difficulty or per value of a
    visible field (``by``). A slot that explores draws from all other tasks, unknown or out of the
    band, so that none is left for good. Where one side has too few tasks, the other fills in.

    Trap: a rate per task needs tasks that recur: set ``pool`` where the source is large, or go by
    difficulty. Rates are of the policy that played the task last, which may be long ago.
    """

    low: float = Field(0.2, ge=0, le=1, description="Least success rate of the band, in [0, 1].")
    high: float = Field(0.8, ge=0, le=1, description="Largest success rate of the band, in [0, 1].")
    explore: float = Field(
        0.25,
        gt=0,
        le=1,
        description="Probability that a task of the batch is drawn from outside the band.",
    )
    newest: float = Field(
        0.5, gt=0, le=1, description="Weight of the newest round in a running success rate."
    )
    by: str = Field(
        TASK,
        description=f"Kind that a success rate is kept for: {TASK}, {DIFFICULTY}, or the name of a "
        "field of the task's visible data.",
    )
    pool: int | None = POOL
    _running: RunningRates = PrivateAttr(default_factory=RunningRates)
    _labels: TaskLabels = PrivateAttr(default_factory=TaskLabels)

    def draw(
        self, source: Sequence[Task], count: int, seed: str, taken: Collection[str] = ()
    ) -> list[Task]:
        """Draw `count` tasks, from inside the band first."""
        rng = random.Random(seed)
        labels = self._labels.of(source, pool_size(source, self.pool), self.by)
        inside = [i for i, label in enumerate(labels) if self.in_band(label)]
        outside = [i for i, label in enumerate(labels) if not self.in_band(label)]
        exploring = sum(rng.random() < self.explore for _ in range(count))
        tasks: list[Task] = []
        for places, most in (
            (inside, count - exploring),
            (outside, count),
            (inside, count),
        ):
            played = {*taken, *(task.key for task in tasks)}
            tasks += draw_distinct(source, places, most - len(tasks), rng, played)
        return tasks + draw_from(source, range(len(labels)), count - len(tasks), rng)

    def in_band(self, label: str) -> bool:
        """Test that the rate of a label is known and within the band."""
        return self.low <= self._running.rates.get(label, -1.0) <= self.high

    def observe(self, groups: Sequence[Group]) -> None:
        """Move the rates towards the round's scores."""
        self._running.observe(groups, self.by, self.newest)

    def report(self) -> dict[str, float]:
        """Number of tasks (or kinds) with a rate, and the share of them within the band."""
        rates = self._running.rates
        inside = sum(map(self.in_band, rates))
        return {
            "sampler/known": float(len(rates)),
            "sampler/in_band": inside / len(rates) if rates else 0.0,
        }

    def check_source(self, source: Sequence[Task]) -> None:
        """Label the tasks."""
        self._labels.of(source, pool_size(source, self.pool), self.by)

    def conflict(self, config: Any) -> str | None:
        """Report bounds out of order."""
        if self.low > self.high:
            return f"low {self.low:g} is above high {self.high:g}: set low to {self.high:g} or less"
        return None

    def state(self) -> dict[str, Any]:
        """The running rates."""
        return {"rates": dict(self._running.rates)}

    def load(self, state: dict[str, Any]) -> None:
        """Restore the rates."""
        self._running.rates = dict(state["rates"])
