"""Run references against their own tests at load, before a model is trained on them.

Rows whose tests contradict their reference, or do not run, would train a model wrongly; they are
reported at load. Docstring examples are prose: one that the reference contradicts is hidden from
the statement. Results are cached on disk (`Proofs`).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from envgym.environments.code.data.formats.row import Loaded
from envgym.environments.code.data.formats.undefined_names import undefined
from envgym.environments.code.data.references import cannot_run, worth_trying
from envgym.environments.code.data.verification_cache import Proof, Proofs, key_of
from envgym.environments.code.judge import Bounds, judge
from envgym.environments.code.problem import Problem
from envgym.environments.code.sandbox_queue import QueuedPool
from envgym.sandboxes import Backend
from envgym.sandboxes.backends.registry import open_backend
from envgym.sandboxes.graders import Status, Verdict
from envgym.sandboxes.graders.verdict import WORDS

_AT_ONCE = 4
_OF_THE_ROW = (Status.WRONG, Status.RE, Status.BAD_VALUE)
"""Failures that are reproducible; exceeded limits may be due to a busy machine."""


def proven(
    rows: Sequence[Loaded],
    backend: str,
    options: Mapping[str, Any],
    bounds: Bounds,
    proofs: Proofs | None = None,
) -> list[Proof]:
    """Verification result of each row.

    Runs an event loop in a thread, because callers that list tasks cannot await.

    Args:
        rows: Rows as read.
        backend: Sandbox backend that runs references.
        options: Arguments of that backend.
        bounds: Resource limits of references.
        proofs: Cache of earlier results; new ones are added.

    Raises:
        UsageError: The backend is unusable.
        Fault: A sandbox broke.
    """
    settings = [backend, sorted(options.items()), bounds]
    keys = [key_of(row, settings) if proofs else "" for row in rows]
    known = {key: proof for key in keys if proofs and (proof := proofs.get(key))}
    left = [(key, row) for key, row in zip(keys, rows, strict=True) if key not in known]
    if not left:
        return [known[key] for key in keys]
    with ThreadPoolExecutor(1, "envgym-proof") as thread:
        work = _all(left, backend, options, bounds, proofs)
        found = iter(thread.submit(asyncio.run, work).result())
    return [known[key] if key in known else next(found) for key in keys]


async def _all(
    rows: Sequence[tuple[str, Loaded]],
    name: str,
    options: Mapping[str, Any],
    bounds: Bounds,
    proofs: Proofs | None,
) -> list[Proof]:
    turn = asyncio.Semaphore(_AT_ONCE)
    backend = open_backend(name, **options)
    async with QueuedPool(backend, bounds.limits, most=4 * _AT_ONCE) as pool:
        await pool.ready()

        async def one(key: str, row: Loaded) -> Proof:
            async with turn:
                proof, lasting = await _one(pool, row, bounds)
                if proofs is not None and lasting:
                    await asyncio.to_thread(proofs.put, key, proof)
                return proof

        tasks = [asyncio.ensure_future(one(key, row)) for key, row in rows]
        try:
            return await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()


async def _one(backend: Backend, row: Loaded, bounds: Bounds) -> tuple[Proof, bool]:
    """Verify one row; returns the result and whether a repetition would give the same."""
    references = worth_trying(row.references)
    if not references:
        return await _unproven(backend, row, bounds, "none of its references parses")
    problems = [replace(row.problem, suite=one) for one in row.readings] or [row.problem]
    why, unfit, unnamed, lasting = "", "", "", True
    for reference in references:
        for reading, problem in enumerate(problems):
            verdict = await judge(
                backend,
                problem,
                reference,
                public=False,
                bounds=bounds,
                stop_early=True,
                reveal=True,
            )
            if verdict.unusable:
                return Proof(bad=_with_fix(verdict.unusable)), True
            if verdict.passed:
                found = replace(problem, reference=reference)
                shown = await _true_examples(backend, found, bounds)
                index = row.references.index(reference)
                return Proof(index, reading if row.readings else -1, shown), True
            lasting = lasting and _lasts(verdict)
            if "NameError: the solution defines no " in _shortly(verdict):
                unnamed = unnamed or f"its reference defines no {problem.suite.entry_point}"
            elif cannot_run(verdict):
                unfit = unfit or _shortly(verdict)
            else:
                why = why or _shortly(verdict)
    if why:
        return Proof(bad=f"its tests contradict its reference: {why}"), lasting
    if unnamed:
        return Proof(bad=unnamed), True
    why = _with_fix(f"no reference of it runs here: {unfit}")
    return await _unproven(backend, row, bounds, why)


async def _unproven(backend: Backend, row: Loaded, bounds: Bounds, why: str) -> tuple[Proof, bool]:
    """Result of a row without a usable reference: its tests must at least run.

    A program that returns None fails the tests; an undefined name or module is the tests' fault.
    """
    why = why if row.references else ""
    if row.problem.suite.kind != "asserts":
        return Proof(unproven=why), True
    suite = row.problem.suite
    source = _answering_none([*suite.names, suite.entry_point])
    verdict = await judge(backend, row.problem, source, public=False, bounds=bounds, reveal=True)
    broken = [case for case in verdict.cases if cannot_run(Verdict((case,), 1))]
    if verdict.unusable or broken or cannot_run(verdict):
        said = verdict.unusable or _shortly(replace(verdict, cases=tuple(broken)))
        return Proof(bad=_with_fix(f"its tests do not run: {said}")), True
    tests = "\n".join([suite.prelude, *suite.hidden])
    if names := undefined(tests, suite.names):
        return Proof(bad=f"its tests use names that nothing defines: {', '.join(names)}"), True
    return Proof(unproven=why), True


def _with_fix(said: str) -> str:
    """Message with the fix appended where a module is missing."""
    module = re.search(r"No module named '(\w+)", said)
    fix = f"; give backend_options={{'imports': ['{module[1]}']}}" if module else ""
    return f"{said}{fix}"


def _answering_none(names: Sequence[str]) -> str:
    """Program whose functions, and methods of ``class Solution``, all return None."""
    plain = [name for name in names if name.isidentifier()]
    return "\n".join(
        [
            "class Solution:",
            "    def __getattr__(self, name): return lambda *args, **kwargs: None",
            *(f"def {name}(*args, **kwargs): return None" for name in plain),
        ]
    )


async def _true_examples(
    backend: Backend, problem: Problem, bounds: Bounds
) -> tuple[int, ...] | None:
    """Docstring examples that the reference satisfies; None where all of them count."""
    suite = problem.suite
    if suite.kind != "asserts" or not suite.entry_point or not suite.public:
        return None
    verdict = await judge(backend, problem, problem.reference, public=True, bounds=bounds)
    if verdict.passed:
        return None
    true = []
    for index, example in enumerate(suite.public):
        alone = replace(problem, suite=replace(suite, public=(example,)))
        if (await judge(backend, alone, problem.reference, public=True, bounds=bounds)).passed:
            true.append(index)
    return tuple(true)


def _lasts(verdict: Verdict) -> bool:
    failures = [case.status for case in verdict.cases if case.status is not Status.PASS]
    return all(status in (*_OF_THE_ROW, Status.UNRUN) for status in failures) and not verdict.error


def _shortly(verdict: Verdict) -> str:
    """First failure on one line, for the caller, who may read hidden tests."""
    failure = verdict.first_failure
    text = verdict.error
    if failure is not None and (failure.status is not Status.UNRUN or not text):
        text = f"{failure.name}: {WORDS[failure.status]}\n{failure.detail}"
    return " / ".join(line.strip() for line in text.splitlines() if line.strip())[:400]
