"""Running and recorded success rates of tasks, which curricula compare.

A success rate is the mean raw score of the policy's own episodes on a task (or a kind of tasks),
in [0, 1]. Guided episodes never count.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from envgym.errors import UsageError
from envgym.store.episodes import read_rows, shard_number, shards
from envgym.task import Task
from envgym.trainers.collection.samples import Group, of_policy
from envgym.trajectory import POLICY

TASK = "task"
"""Label by the task's own key."""
DIFFICULTY = "difficulty"

Curve = Sequence[float | None]
"""Success rate of one task in each epoch; None where the task was not played."""


def label_of(task: Task, by: str) -> str:
    """Label that tasks of one kind share.

    Args:
        by: ``task``, ``difficulty``, or the name of a field of the task's visible data.

    Raises:
        UsageError: The task has no such field.
    """
    if by == TASK:
        return task.key
    if by == DIFFICULTY:
        return "none" if task.difficulty is None else f"{task.difficulty:g}"
    if by not in task.data:
        raise UsageError(
            f"sampler: the tasks have no field {by!r}: set by to {TASK}, {DIFFICULTY}, or one of "
            f"{', '.join(sorted(task.data))}"
        )
    return str(task.data[by])


class TaskLabels:
    """Labels of a source's first tasks, read once for each source."""

    def __init__(self) -> None:
        self._source: Sequence[Task] | None = None
        self._labels: list[str] = []

    def of(self, source: Sequence[Task], size: int, by: str = TASK) -> list[str]:
        """Labels of the first `size` tasks, in order."""
        if self._source is not source:
            self._labels = [label_of(source[i], by) for i in range(size)]
            self._source = source
        return self._labels

    def __deepcopy__(self, memo: object) -> TaskLabels:
        """Nothing is copied: another run reads the labels of its own source."""
        return TaskLabels()


class RunningRates:
    """Exponential moving averages of success rates, by label: r <- r + w (newest - r).

    A label's first rate is that of the round that played it first.
    """

    def __init__(self) -> None:
        self.rates: dict[str, float] = {}

    def observe(self, groups: Sequence[Group], by: str, newest: float) -> None:
        """Move the rates of a round's labels towards its scores.

        Args:
            newest: Weight w of the round.
        """
        alone = {group[0].episode.group: group for group in of_policy(groups)}  # of one seat
        scores: dict[str, list[float]] = {}
        for group in alone.values():
            label = label_of(group[0].episode.task, by)
            scores.setdefault(label, []).extend(sample.episode.score for sample in group)
        for label, found in scores.items():
            rate = statistics.fmean(found)
            before = self.rates.get(label, rate)
            self.rates[label] = before + newest * (rate - before)


def recorded_rates(folder: str) -> dict[int, dict[str, float]]:
    """Success rates of tasks by their keys, in each recorded step of a run.

    All episodes of a saved rollout, however it is cut into files, make one step, 0.

    Args:
        folder: A run's folder, or another folder of episodes, such as a saved rollout's.

    Raises:
        UsageError: There are no episodes of the policy's own.
    """
    trained = Path(folder) / "episodes" / "train"
    of_run = trained.is_dir()
    by_step: dict[int, dict[str, dict[str, float]]] = {}
    for readable in shards(trained if of_run else Path(folder)):
        scores = by_step.setdefault(shard_number(readable) if of_run else 0, {})
        for row in read_rows(readable):
            try:
                if row.get("fault") is None and row.get("role", POLICY) == POLICY:
                    scores.setdefault(Task(**row["task"]).key, {})[row["id"]] = row["score"]
            except (AttributeError, KeyError, TypeError) as error:
                raise UsageError(
                    f"{readable} holds a line that is no episode ({error!r}): restore the file"
                ) from error
    rates = {
        step: {key: statistics.fmean(found.values()) for key, found in scores.items()}
        for step, scores in by_step.items()
    }
    if not any(rates.values()):
        raise UsageError(
            f"{folder} holds no episodes that a policy played on its own: give the folder of a "
            "finished run, or of a saved rollout"
        )
    return rates


def learning_curves(
    rates: Mapping[int, Mapping[str, float]], epoch_steps: int = 1
) -> dict[str, Curve]:
    """Curve of success of each task that was played, one value per epoch.

    Args:
        rates: As `recorded_rates` gives them.
        epoch_steps: Number of steps of an epoch; a task's rates within one are averaged.
    """
    first = min(rates)
    epochs = (max(rates) - first) // epoch_steps + 1
    found: dict[str, list[list[float]]] = {}
    for step in sorted(rates):
        for key, rate in rates[step].items():
            curve = found.setdefault(key, [[] for _ in range(epochs)])
            curve[(step - first) // epoch_steps].append(rate)
    return {
        key: [statistics.fmean(epoch) if epoch else None for epoch in curve]
        for key, curve in found.items()
    }
