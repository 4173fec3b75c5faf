"""Check that tasks are sized, repeatable, disjoint between splits, and JSON."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

from envgym.checker.report import Problem
from envgym.checker.target import Target, spread

_SAMPLE = 200


async def tasks_are_repeatable(target: Target) -> AsyncIterator[Problem]:
    """Check that a split has a size, and that an index gives the same task in any instance."""
    async with target.env() as env, target.env() as other:
        for split, source in target.sources(env):
            if len(source) < 1:
                yield Problem(f"the split {split} is empty", "give it at least one task")
                continue
            again = other.tasks(split)
            if len(again) != len(source):
                yield Problem(
                    f"{split} has {len(source)} tasks, then {len(again)}",
                    "let tasks(split) depend on its arguments and the constructor's alone",
                )
                continue
            for index in spread(len(source), 4 * target.episodes):
                task = source[index]
                if not task == source[index] == again[index]:
                    yield Problem(
                        f"{split} task {index} differs when it is read again",
                        "write it from Random(seed + index) alone: TaskSource.generated does",
                    )
                elif task.split != split:
                    yield Problem(
                        f"{split} task {index} says that its split is {task.split!r}",
                        "pass the split on: Task(…, split=split)",
                    )


async def tasks_are_json(target: Target) -> AsyncIterator[Problem]:
    """Check that tasks can be written to a file and read back equal."""
    async with target.env() as env:
        for split, source in target.sources(env):
            for index in spread(len(source), target.episodes):
                row = source[index].to_json()
                try:
                    same = json.loads(json.dumps(row)) == row
                except (TypeError, ValueError):
                    same = False
                if not same:
                    yield Problem(
                        f"{split} task {index} does not survive JSON",
                        "put only dicts with str keys, lists, strings, numbers, bools and None "
                        "into data and hidden",
                    )


async def splits_are_disjoint(target: Target) -> AsyncIterator[Problem]:
    """Check that no task of one split is in another, as far as a sample shows."""
    async with target.env() as env:
        seen: dict[str, str] = {}
        for split, source in target.sources(env):
            for index in spread(len(source), _SAMPLE):
                other = seen.setdefault(source[index].key, split)
                if other != split:
                    yield Problem(
                        f"{split} task {index} is a task of {other} too",
                        "give each split a seed of its own, or partition the rows by their key",
                    )
                    return
