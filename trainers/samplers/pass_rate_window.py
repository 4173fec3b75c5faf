"""Tasks whose success rate is within a window, by a recorded run or by this one."""

from __future__ import annotations

import statistics
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from pydantic import Field, PrivateAttr

from envgym.task import Task
from envgym.trainers.collection.samples import Group
from envgym.trainers.plugin import register
from envgym.trainers.samplers.subset import Subset, places_of
from envgym.trainers.samplers.success_rates import TASK, RunningRates, recorded_rates


@register("pass_rate_window")
class PassRateWindow(Subset):
    """Draws tasks with success rate p in [``low``, ``high``], of them the ``hardest`` few.

    With ``run``, p is the mean over the recorded steps of a finished run, or over the samples of a
    saved rollout of the base model: the filters before training of General-Reasoner (neither all
    nor none of G samples right), Golden Goose (``low: 0``: not all right) and AceReason's later
    stages (``low: 0, high: 0.375``: at most 6 of 16). Without, p is the running rate in this run,
    which the earlier of its `stages` measured: DRIVE's hardest tasks.

    Trap: tasks without a rate are never drawn while any has one in the window, unlike in
    `success_band`. Running rates of tasks that no stage draws any more stand still.
    """

    run: str | None = Field(
        None,
        description="Folder of a finished run or of a saved rollout that rates are read from; null "
        "takes the rates that this run has measured.",
    )
    low: float = Field(0.001, ge=0, le=1, description="Least success rate, in [0, 1].")
    high: float = Field(0.999, ge=0, le=1, description="Largest success rate, in [0, 1].")
    hardest: int | None = Field(
        None, ge=1, description="Number of hardest tasks to keep of these; null keeps all."
    )
    newest: float = Field(
        0.5, gt=0, le=1, description="Weight of the newest round in a running success rate."
    )
    _running: RunningRates = PrivateAttr(default_factory=RunningRates)

    def choose(self, keys: Sequence[str]) -> Collection[str]:
        """Choose the pool's tasks within the window."""
        listed: dict[str, list[float]] = {}
        for rates in recorded_rates(self.run).values() if self.run else [self._running.rates]:
            for key, rate in rates.items():
                listed.setdefault(key, []).append(rate)
        pool = set(keys)
        return self.within({k: statistics.fmean(r) for k, r in listed.items() if k in pool})

    def within(self, rates: Mapping[str, float]) -> list[str]:
        """Keys of the tasks within the window, hardest first."""
        found = [key for key, rate in rates.items() if self.low <= rate <= self.high]
        return sorted(found, key=lambda key: (rates[key], key))[: self.hardest]

    def places(self, source: Sequence[Task]) -> list[int]:
        """Places of the tasks within the window; of all tasks, where running rates have none."""
        if self.run is not None:
            return super().places(source)
        keys = self.pool_keys(source)
        return places_of(keys, set(self.choose(keys))) or list(range(len(keys)))

    def observe(self, groups: Sequence[Group]) -> None:
        """Move the running rates towards the round's scores."""
        if self.run is None:
            self._running.observe(groups, TASK, self.newest)

    def conflict(self, config: Any) -> str | None:
        """Report bounds out of order."""
        if self.low > self.high:
            return f"low {self.low:g} is above high {self.high:g}: set low to {self.high:g} or less"
        return None

    def state(self) -> dict[str, Any]:
        """The chosen keys, or the running rates."""
        return super().state() if self.run is not None else {"rates": dict(self._running.rates)}

    def load(self, state: dict[str, Any]) -> None:
        """Restore the chosen keys, or the rates."""
        if self.run is not None:
            super().load(state)
        else:
            self._running.rates = dict(state["rates"])
