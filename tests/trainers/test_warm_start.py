from __future__ import annotations

import random
from collections import Counter

import pytest

from envgym.errors import UsageError
from envgym.task import Task, TaskSource
from envgym.trainers.config import WarmStart
from envgym.trainers.warm_start import choose_tasks

SOURCE = TaskSource.rows([Task({"i": i}, difficulty=1 + i % 2) for i in range(20)])


def chosen(**settings: object) -> list[Task]:
    return choose_tasks(SOURCE, WarmStart(**settings), random.Random(0))  # type: ignore[arg-type]


def test_no_task_comes_again_before_all_have_come() -> None:
    counts = Counter(task.key for task in chosen(episodes=30))
    assert len(counts) == 20
    assert max(counts.values()) == 2


def test_shares_by_difficulty() -> None:
    counts = Counter(task.difficulty for task in chosen(episodes=40, shares={1: 9, 2: 1}))
    assert counts == {1: 36, 2: 4}


def test_a_share_without_tasks_is_an_error() -> None:
    with pytest.raises(UsageError, match="no task of difficulty 7"):
        chosen(episodes=10, shares={7: 1.0})
