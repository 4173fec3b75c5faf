"""Mathematical tasks from files of the shapes that are about: GSM8K, MATH, AIME.

GSM8K: ``question``, and an ``answer`` that ends in ``#### 42``. MATH: ``problem`` and a
``solution`` with a ``\\boxed{…}``, maybe ``answer`` and ``level``. AIME and the like: a problem
and an answer under one of several names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from envgym.environments.puzzles.generated import split_of
from envgym.environments.puzzles.math_shape import bare, last_boxed
from envgym.environments.rows import RowError, read_rows
from envgym.errors import UsageError
from envgym.task import Task

_PROBLEM = ("problem", "question", "prompt")
_ANSWER = ("answer", "final_answer", "expected_answer", "ground_truth")
_SOLUTION = ("solution", "rationale", "explanation")


def load(train: str, test: str | None) -> dict[str, list[Task]]:
    """The tasks of both splits; of a single file, one row in five is a test row.

    Raises:
        UsageError: A file is missing or malformed, or a row lacks its problem or its answer.
    """
    rows = _read(train)
    held_out = {row["question"] for row, _, _ in _read(test)} if test else set()
    tasks: dict[str, list[Task]] = {"train": [], "test": []}
    for data, hidden, difficulty in rows:
        if data["question"] not in held_out:
            split = "train" if test else split_of(data)
            tasks[split].append(Task(data, hidden, split, difficulty))
    for data, hidden, difficulty in _read(test) if test else ():
        tasks["test"].append(Task(data, hidden, "test", difficulty))
    return tasks


def _read(path: str) -> list[tuple[dict[str, Any], dict[str, Any], float | None]]:
    try:
        found = {row[0]["question"]: row for row in (_row(w, r) for w, r in read_rows(path))}
    except OSError as error:
        raise UsageError(f"no file {path}: {error.strerror}; give its path") from None
    except RowError as error:
        raise UsageError(str(error)) from None
    return list(found.values())


def _row(where: str, row: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any], float | None]:
    fields = {str(key).lower(): value for key, value in row.items()}
    problem = _first(fields, _PROBLEM)
    answer, solution = _first(fields, _ANSWER), _first(fields, _SOLUTION)
    if "####" in answer:
        solution, _, answer = answer.rpartition("####")
    answer = answer or last_boxed(solution) or ""
    if not problem or not bare(answer):
        lacks, keys = ("problem", _PROBLEM) if not problem else ("answer", _ANSWER)
        raise UsageError(f"{where}: a row without its {lacks}; give it as {keys[0]!r}")
    steps = [s for s in re.split(r"\n+|(?<=[.!?])\s+", solution) if s.strip()]
    level = re.search(r"\d+", str(fields.get("level", "")))
    hidden = {"answer": answer.strip(), "steps": steps}
    return {"question": problem.strip()}, hidden, float(level[0]) if level else None


def _first(fields: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    """The first of these fields that holds anything, as text; a number is one too."""
    values = (fields.get(key) for key in keys)
    return next((str(v) for v in values if v is not None and str(v).strip()), "")
