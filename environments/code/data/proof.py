"""References run against their own tests, before anybody trains on these.

A test that contradicts its reference teaches that being right is wrong, so such rows are named at
load. Examples out of a docstring are prose: one that the reference contradicts is only not shown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from envgym.environments.code.boxes import Workshop
from envgym.environments.code.data.row import Loaded
from envgym.environments.code.judge import Bounds, judge
from envgym.environments.code.problem import Problem
from envgym.sandboxes import Backend
from envgym.sandboxes.backends import open_backend
from envgym.sandboxes.graders import Verdict
from envgym.sandboxes.graders.verdict import WORDS

_AT_ONCE = 4


def proven(
    rows: Sequence[Loaded], backend: str, options: Mapping[str, Any], bounds: Bounds
) -> list[Problem | str]:
    """Each row's problem with a reference that passes its tests, or why there is none.

    A row without a reference is taken as it is. Runs a loop of its own in a thread, for tasks are
    asked for where nobody can wait.

    Raises:
        UsageError: The backend is refused.
        Fault: A sandbox broke.
    """
    with ThreadPoolExecutor(1, "envgym-proof") as thread:
        return thread.submit(asyncio.run, _all(rows, backend, options, bounds)).result()


async def _all(
    rows: Sequence[Loaded], name: str, options: Mapping[str, Any], bounds: Bounds
) -> list[Problem | str]:
    turn = asyncio.Semaphore(_AT_ONCE)
    backend = open_backend(name, **options)
    async with Workshop(backend, bounds.limits, most=4 * _AT_ONCE) as workshop:
        await workshop.ready()

        async def one(row: Loaded) -> Problem | str:
            async with turn:
                return await _one(workshop, row, bounds)

        tasks = [asyncio.ensure_future(one(row)) for row in rows]
        try:
            return await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()


async def _one(backend: Backend, row: Loaded, bounds: Bounds) -> Problem | str:
    problem, why = row.problem, ""
    if not row.references:
        return problem
    for reference in row.references:
        verdict = await judge(backend, problem, reference, public=False, bounds=bounds)
        if verdict.unusable:
            return verdict.unusable
        if verdict.passed:
            found = replace(problem, reference=reference)
            return await _with_true_examples(backend, found, bounds)
        why = why or _shortly(verdict)
    return f"its tests contradict its reference: {why}"


async def _with_true_examples(backend: Backend, problem: Problem, bounds: Bounds) -> Problem:
    """The problem without the examples of its docstring that its reference contradicts."""
    suite = problem.suite
    if suite.kind != "asserts" or not suite.entry_point or not suite.public:
        return problem
    verdict = await judge(backend, problem, problem.reference, public=True, bounds=bounds)
    if verdict.passed:
        return problem
    true = []
    for example in suite.public:
        alone = replace(problem, suite=replace(suite, public=(example,)))
        if (await judge(backend, alone, problem.reference, public=True, bounds=bounds)).passed:
            true.append(example)
    return replace(problem, suite=replace(suite, public=tuple(true)))


def _shortly(verdict: Verdict) -> str:
    """The first failure in one line; it is for the caller, who may read hidden tests."""
    failure = verdict.first_failure
    text = verdict.error
    if failure is not None:
        text = f"{failure.name}: {WORDS[failure.status]}\n{failure.detail}"
    return " / ".join(line.strip() for line in text.splitlines() if line.strip())[:400]
