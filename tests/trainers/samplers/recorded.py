"""Tasks, groups and recorded runs for the tests of samplers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from envgym.store.episodes import EpisodeWriter
from envgym.task import Task, TaskSource
from envgym.trainers.collection.samples import Group, as_groups
from envgym.trajectory import POLICY, Episode
from tests.trainers.helpers import episode

TASKS = [
    Task({"n": n, "kind": "even" if n % 2 == 0 else "odd"}, difficulty=n // 5) for n in range(10)
]
SOURCE = TaskSource.rows(TASKS)


def numbers(tasks: Iterable[Task]) -> list[int]:
    """Numbers of tasks."""
    return [task.data["n"] for task in tasks]


def played(scores: Mapping[int, Sequence[float]], role: str = POLICY) -> list[Group]:
    """One group per task number, with its scores."""
    return as_groups(episodes(scores, role))


def episodes(scores: Mapping[int, Sequence[float]], role: str = POLICY) -> list[Episode]:
    """Episodes of task numbers, with their scores."""
    made = [
        (n, m, episode([([1], [2])], score=score, reward=score, group=f"g{n}"))
        for n, found in scores.items()
        for m, score in enumerate(found)
    ]
    return [replace(e, id=f"g{n}/{m}", task=TASKS[n], role=role) for n, m, e in made]


def record(folder: Path, steps: Sequence[Mapping[int, Sequence[float]]]) -> Path:
    """Write a run's folder whose steps, from 1, played tasks with scores."""
    writer = EpisodeWriter(folder / "episodes" / "train")
    for step, scores in enumerate(steps, 1):
        writer.write(episodes(scores), step)
    return folder
