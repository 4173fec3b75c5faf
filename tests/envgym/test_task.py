from __future__ import annotations

import dataclasses
import json

import pytest

from envgym.errors import UsageError
from envgym.task import Task, TaskSource


def test_key_is_the_content() -> None:
    task = Task({"q": "a", "n": 1}, {"gold": "b"}, "train", 2)
    assert task.key == Task({"n": 1, "q": "a"}, {"gold": "b"}, "test").key
    assert task.key != Task({"q": "a", "n": 1}, {"gold": "c"}).key
    assert len(task.key) == 16


def test_rows_come_back_from_json() -> None:
    task = Task({"q": "ä"}, {"golds": ["x"]}, "test", 3)
    again = Task(**json.loads(json.dumps(task.to_json())))
    assert again == task
    assert again.key == task.key


def test_tasks_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Task({}).split = "x"  # type: ignore[misc]


def test_a_source_is_a_repeatable_sequence() -> None:
    source = TaskSource.generated(lambda rng: Task({"n": rng.random()}), size=10, seed=3)
    assert len(source) == 10
    assert source[4] == source[4] == list(source)[4] == source[-6]
    assert source[2:4] == [source[2], source[3]]
    assert len({t.key for t in source}) == 10
    other = TaskSource.generated(lambda rng: Task({"n": rng.random()}), size=10, seed=4)
    assert source[0] != other[0]
    for index in (10, -11):
        with pytest.raises(IndexError):
            source[index]


def test_rows_and_emptiness() -> None:
    rows = [Task({"i": i}) for i in range(3)]
    assert list(TaskSource.rows(rows)) == rows
    with pytest.raises(UsageError, match="at least one task"):
        TaskSource.rows([])
