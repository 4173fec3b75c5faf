"""Mathematics tasks from files in the formats of GSM8K, MATH and AIME.

GSM8K: ``question``, and an ``answer`` that ends in ``#### 42``. MATH: ``problem`` and a
``solution`` with a ``\\boxed{…}``, maybe ``answer`` and ``level``. AIME and the like: a problem
and an answer under one of several names. A gold that the judge does not accept as its own answer
makes its row a bad one.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from envgym.environments.puzzles.math.answers.boxes import MAX_CHARS, last_boxed
from envgym.environments.puzzles.math.answers.latex import cleaned
from envgym.environments.puzzles.math.answers.proof import unreadable
from envgym.environments.puzzles.math.answers.verdict import at_once
from envgym.environments.puzzles.math.shape import fault
from envgym.environments.puzzles.splits import split_of
from envgym.environments.rows import RowError, read_rows
from envgym.errors import UsageError
from envgym.task import Task

_log = logging.getLogger(__name__)
BadRows = Literal["refuse", "drop"]
_PROBLEM = ("problem", "question", "prompt")
_ANSWER = ("answer", "final_answer", "expected_answer", "ground_truth")
_SOLUTION = ("solution", "rationale", "explanation")
_NAMED = 5


@dataclass(frozen=True)
class _Row:
    where: str
    question: str
    answer: str
    steps: list[str]
    level: float | None

    def task(self, split: str) -> Task:
        hidden = {"answer": self.answer, "steps": self.steps}
        return Task({"question": self.question}, hidden, split, self.level)


class _BadRow(ValueError):
    """A row without a usable problem; the message says where and why."""


def load(train: str, test: str | None, bad_rows: BadRows = "refuse") -> dict[str, list[Task]]:
    """Tasks of both splits; of a single file, a fifth of the rows is held out for ``test``.

    Args:
        train: The file's path.
        test: The path of the test rows.
        bad_rows: Whether a row without a problem that can be judged ends it all (``refuse``) or is
            left out with a warning that names it (``drop``).

    Raises:
        UsageError: A file is missing or malformed, or rows are bad and to be refused.
    """
    rows = _read(train, bad_rows)
    tests = _read(test, bad_rows) if test else []
    held_out = {row.question for row in tests}
    tasks: dict[str, list[Task]] = {"train": [], "test": [row.task("test") for row in tests]}
    for row in rows:
        if row.question not in held_out:
            split = "train" if test else split_of({"question": row.question})
            tasks[split].append(row.task(split))
    return tasks


def _read(path: str, bad_rows: BadRows) -> list[_Row]:
    found: dict[str, _Row] = {}
    bad: list[str] = []
    try:
        for where, fields in read_rows(path):
            try:
                row = _row(where, fields)
            except _BadRow as error:
                bad.append(str(error))
            else:
                found[row.question] = row
    except OSError as error:
        raise UsageError(f"no file {path}: {error.strerror}; give its path") from None
    except RowError as error:
        raise UsageError(str(error)) from None
    rows = list(found.values())
    faults = unreadable([row.answer for row in rows])
    bad += [f"{rows[n].where}: the gold {rows[n].answer!r:.80} {why}" for n, why in faults.items()]
    if bad:
        named = "; ".join([*bad[:_NAMED], *(["…"] if bad[_NAMED:] else [])])
        said = f"{len(bad)} rows of {path} hold no problem: {named}"
        if bad_rows == "refuse":
            raise UsageError(f"{said}. Fix them, or leave them out with bad_rows='drop'")
        _log.warning("%s", said)
    return [row for n, row in enumerate(rows) if n not in faults]


def _row(where: str, row: Mapping[str, Any]) -> _Row:
    fields = {str(key).lower(): value for key, value in row.items()}
    problem = _first(fields, _PROBLEM)
    answer, solution = _first(fields, _ANSWER), _first(fields, _SOLUTION)
    if "####" in answer:
        solution, _, answer = answer.rpartition("####")
    answer = (answer or last_boxed(solution) or "").strip()
    if not problem or not answer:
        lacks, keys = ("problem", _PROBLEM) if not problem else ("answer", _ANSWER)
        raise _BadRow(f"{where}: a row without its {lacks}; give it as {keys[0]!r}")
    if len(answer) > MAX_CHARS:
        raise _BadRow(f"{where}: a gold of {len(answer)} characters; {MAX_CHARS} are read")
    if not cleaned(answer) or fault(answer, answer, problem) or at_once(answer, answer) is False:
        raise _BadRow(f"{where}: the gold {answer!r:.80} is not accepted as its own answer")
    steps = [s for s in re.split(r"\n+|(?<=[.!?])\s+", solution) if s.strip()]
    level = re.search(r"\d+", str(fields.get("level", "")))
    return _Row(where, problem.strip(), answer, steps, float(level[0]) if level else None)


def _first(fields: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    """First non-empty field of these names, as text (a number counts)."""
    values = (fields.get(key) for key in keys)
    return next((str(v) for v in values if v is not None and str(v).strip()), "")
