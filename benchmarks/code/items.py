"""The completions of `bench code`, and how grading them is timed: no library in it."""

from __future__ import annotations

import gzip
import json
import os
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

AT_ONCE = 16
WARM = 8  # items graded before the clock starts
_WRONG = "    return None\n"


class Item(NamedTuple):
    """A row of HumanEval, what completes its prompt, and whether that solves it."""

    row: dict[str, Any]
    completion: str
    right: bool


def kinds() -> dict[str, list[Item]]:
    """For each problem its reference, and a body that is wrong whatever it is asked."""
    with gzip.open(os.environ["BENCH_DATA"], "rt") as file:
        rows = [json.loads(line) for line in file]
    return {
        "right": [Item(row, row["canonical_solution"], True) for row in rows],
        "wrong": [Item(row, _WRONG, False) for row in rows],
    }


def check(item: Item, passed: bool) -> None:
    """End the bench where a verdict is not the known one."""
    if passed is not item.right:
        raise SystemExit(f"{item.row['task_id']}: found {passed}, is {item.right}")


def timed(grade: Callable[[Sequence[Item]], None]) -> None:
    """Grade all of each kind, after a few to warm up, and print verdicts a second."""
    figures, seconds, count = {}, 0.0, 0
    for kind, items in kinds().items():
        grade(items[:WARM])
        began = time.perf_counter()
        grade(items)
        took = time.perf_counter() - began
        figures[f"{kind}_per_s"] = len(items) / took
        seconds, count = seconds + took, count + len(items)
    print(json.dumps({"per_s": count / seconds, **figures}))
