"""A few fixed tasks, repeated to fill the batch (1-shot RLVR, arXiv 2504.20571)."""

from __future__ import annotations

import json
import statistics
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from envgym.errors import UsageError
from envgym.trainers.plugin import register
from envgym.trainers.samplers.subset import Subset
from envgym.trainers.samplers.success_rates import Curve, learning_curves, recorded_rates


@register("fixed_tasks")
class FixedTasks(Subset):
    """Draws from listed tasks alone, or from the ``count`` with the largest variance of success.

    1-shot RLVR duplicates one example to a batch of 128 and plays a group for each copy; it takes
    the example whose accuracy varied most over the epochs of an earlier run.

    Trap: held-out scores go on to rise after the training score has reached 1, as long as samples
    still differ: use temperature, an entropy term and a KL term.
    """

    indexes: list[int] = Field(
        default_factory=list, description="Places of the tasks in the training source, from 0."
    )
    keys: list[str] | str = Field(
        default_factory=list,
        description="Keys of the tasks, or the path of a JSON file with a list of them.",
    )
    run: str | None = Field(
        None, description="Folder of a finished run that the variance of success is read from."
    )
    count: int = Field(1, ge=1, description="Number of tasks with the largest variance to draw.")

    def choose(self, keys: Sequence[str]) -> Collection[str]:
        """Choose the listed tasks, or those that varied most."""
        if self.run is not None:
            curves = learning_curves(recorded_rates(self.run))
            pool = set(keys)
            return most_varied({k: c for k, c in curves.items() if k in pool}, self.count)
        if beyond := [i for i in self.indexes if not 0 <= i < len(keys)]:
            raise UsageError(
                f"sampler 'fixed_tasks': index {beyond[0]} is beyond the {len(keys)} tasks of the "
                f"pool: give indexes from 0 to {len(keys) - 1}"
            )
        listed = _read(self.keys) if isinstance(self.keys, str) else self.keys
        if unknown := sorted(set(listed) - set(keys)):
            raise UsageError(
                f"sampler 'fixed_tasks': no task of the pool has the key {unknown[0]!r}: give keys "
                "(Task.key) of this environment and its arguments, or a larger pool"
            )
        return [*(keys[i] for i in self.indexes), *listed]

    def conflict(self, config: Any) -> str | None:
        """Report that nothing says which tasks, or two things do."""
        ways = bool(self.indexes or self.keys) + (self.run is not None)
        if ways == 1:
            return None
        return "say which tasks to draw: give indexes or keys, or else the run that selects them"


def most_varied(curves: Mapping[str, Curve], count: int) -> list[str]:
    """Keys of the tasks whose rates vary most over the epochs in which they were played."""

    def variance(key: str) -> float:
        return statistics.pvariance([rate for rate in curves[key] if rate is not None])

    return sorted(sorted(curves), key=variance, reverse=True)[:count]


def _read(path: str) -> list[str]:
    try:
        keys = json.loads(Path(path).read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"sampler: cannot read the keys in {path}: {error}") from error
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise UsageError(f"sampler: {path} must hold a JSON list of task keys (Task.key)")
    return keys
