"""Grader of a repository change by tests, in a fresh sandbox that the change's author never used.

The work sandbox's archive is read as data and compared with the pristine one. A fresh sandbox gets
the pristine files, the permitted changes, and the original tests. A nonce line reports each passed
test to the host, which counts them, and repeats the run with mutated tests that must fail.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, ValidationError

from envgym.errors import UsageError
from envgym.sandboxes.base import Backend, Sandbox
from envgym.sandboxes.graders.nonce_protocol import frames, nonce, roomy, shipped
from envgym.sandboxes.graders.repository.archive_tree import (
    ExportLimits,
    Refused,
    RegularFile,
    Tree,
    check_folders,
    read_tree,
    write_tree,
)
from envgym.sandboxes.graders.repository.mutated_tests import mutate_tests
from envgym.sandboxes.graders.repository.patch_filter import fresh_tree
from envgym.sandboxes.graders.solution_proxy import ending
from envgym.sandboxes.graders.verdict import CaseResult, Status, Verdict
from envgym.sandboxes.limits import Limits
from envgym.sandboxes.outcome import Outcome, Result

_TAIL = 1000
FORGED = "a test that cannot pass was made to pass"


class _Line(BaseModel):
    """One line of the runner: a test's end, or the end of the run.

    Code under test shares the runner's process, so it may find the nonce and write any line.
    """

    model_config = ConfigDict(strict=True)

    id: str = ""
    ok: bool = False
    why: str = ""
    end: int | None = None


@dataclass(frozen=True)
class Suite:
    """A repository and the tests that have to pass.

    Attributes:
        pristine: Archive of the repository at the start; its history is never handed on.
        expected: Ids of the tests that have to pass, as pytest prints them.
        tests: Hidden tests: files by path, written over the pristine ones at grading.
        python: Interpreter that runs pytest; empty for the sandbox's own, which starts at once.
        plugins: Modules of the pytest plugins that the tests need (``pytest_asyncio.plugin``); no
            other is loaded, whatever is installed.
        hidden: Whether the model may see the status only.
    """

    pristine: bytes
    expected: Sequence[str]
    tests: Mapping[str, bytes] = field(default_factory=dict)
    python: Sequence[str] = ()
    plugins: Sequence[str] = ()
    hidden: bool = False


async def open_work(backend: Backend, suite: Suite, *, limits: Limits | None = None) -> Sandbox:
    """Open a sandbox to work in: the pristine files without their history and hidden tests.

    Raises:
        UsageError: The pristine archive is invalid.
        Fault: The sandbox broke.
    """
    pristine = await asyncio.to_thread(_pristine, suite)
    tree, _ = fresh_tree(pristine, pristine, (), ExportLimits())
    snapshot = await asyncio.to_thread(write_tree, tree)
    return await backend.open(limits=limits, snapshot=snapshot)


async def grade_repository(
    backend: Backend,
    suite: Suite,
    work: bytes,
    *,
    limits: Limits = Limits(wall_s=300.0, cpu_s=300.0),  # noqa: B008  (frozen)
    export: ExportLimits = ExportLimits(),  # noqa: B008  (frozen)
) -> Verdict:
    """Grade a work sandbox by its archive (``await box.snapshot()``).

    Raises:
        UsageError: The pristine archive is none, the suite expects nothing, or the sandbox's Python
            has no pytest.
        Fault: The sandbox broke.
    """
    if not suite.expected or len(set(suite.expected)) != len(suite.expected):
        raise UsageError("a suite expects at least one test, and each once")
    expected = len(suite.expected)
    try:
        tree, left_out = await asyncio.to_thread(_assembled, suite, work, export)
    except Refused as refused:
        return Verdict((), expected, f"the change is refused: {refused}")
    verdict = Verdict(
        tuple(_cases(suite, *await _run(backend, suite, tree, suite.expected, limits))), expected
    )
    if verdict.passed and await _passes_mutated_tests(backend, suite, tree, limits):
        return Verdict(verdict.cases, expected, FORGED)
    if left_out and not verdict.passed and not suite.hidden:
        kept = ", ".join(left_out[:5])
        return Verdict(verdict.cases, expected, f"changes to these count for nothing: {kept}")
    return verdict


def _assembled(suite: Suite, work: bytes, export: ExportLimits) -> tuple[Tree, tuple[str, ...]]:
    """Tree to test, and the paths of ignored changes."""
    changed = read_tree(work, export)
    tree, left_out = fresh_tree(_pristine(suite), changed, suite.tests.keys(), export)
    tree |= {path: RegularFile(data) for path, data in suite.tests.items()}
    check_folders(tree)
    return tree, left_out


def _pristine(suite: Suite) -> Tree:
    generous = ExportLimits(archive_bytes=4 << 30, tree_entries=1_000_000)
    try:
        return read_tree(suite.pristine, generous)
    except Refused as refused:
        raise UsageError(f"the pristine archive holds {refused}") from None


async def _run(
    backend: Backend, suite: Suite, tree: Tree, ids: Sequence[str], limits: Limits
) -> tuple[Result, list[_Line]]:
    """Run tests over a tree in a new sandbox; return its result and its output."""
    mark, bounds = nonce(), roomy(limits)
    job = json.dumps({"nonce": mark, "ids": list(ids), "plugins": list(suite.plugins)}).encode()
    source = shipped("pytest_runner")
    snapshot = await asyncio.to_thread(write_tree, tree)
    async with await backend.open(limits=bounds, snapshot=snapshot) as box:
        if suite.python:
            command = [*suite.python, "-I", "-c", source]
            result = await box.exec(command, stdin=job, limits=bounds)
        else:
            result = await box.python(source, stdin=job, limits=bounds)
    said = [_line(text) for text in frames(result.stdout, mark)]
    if not said and result.outcome in (Outcome.OK, Outcome.RE):
        raise UsageError(  # nothing of the repository's has run yet
            "no pytest in the sandbox: name an interpreter that has it (Suite.python), or give the"
            f" namespace backend imports=['pytest']. {result.error_text[-200:].strip()}"
        )
    return result, said


def _line(text: str) -> _Line:
    """Decode a line; an invalid one reports no test and no end."""
    try:
        return _Line.model_validate_json(text)
    except ValidationError:
        return _Line()


def _cases(suite: Suite, result: Result, said: list[_Line]) -> list[CaseResult]:
    """Result of each expected test; none passes unless the run ended well."""
    whole = result.outcome is Outcome.OK and bool(said) and said[-1].end == 0
    lines: dict[str, list[_Line]] = {}
    for line in said:
        lines.setdefault(line.id, []).append(line)
    status, why = ending(result)
    if status is Status.RE:
        status = Status.UNRUN
        why = f"it was not run, or the run broke off\n{result.text[-_TAIL:].strip()}"
    cases = []
    for name in suite.expected:
        found = lines.get(name, [])
        if len(found) == 1 and not found[0].ok:
            case = CaseResult(name, Status.WRONG, found[0].why, suite.hidden)
        elif len(found) == 1 and whole:
            case = CaseResult(name, Status.PASS, hidden=suite.hidden)
        else:
            case = CaseResult(name, status, why, suite.hidden)
        cases.append(case)
    return cases


async def _passes_mutated_tests(backend: Backend, suite: Suite, tree: Tree, limits: Limits) -> bool:
    """Return whether any expected test passes although its mutated form cannot pass."""
    decoys, spoilt = dict(tree), set()
    for path in {name.partition("::")[0] for name in suite.expected}:
        entry = tree.get(path)
        made = mutate_tests(entry.data) if isinstance(entry, RegularFile) else None
        if made is not None:
            decoys[path] = RegularFile(made[0])
            spoilt |= {(path, name) for name in made[1]}
    ids = [name for name in suite.expected if _function(name) in spoilt]
    if not ids:
        return False
    _, said = await _run(backend, suite, decoys, ids, limits)
    return any(line.ok for line in said)


def _function(name: str) -> tuple[str, str]:
    """File and function of a test id."""
    path, *parts = name.split("[")[0].split("::")
    return path, parts[-1] if parts else ""
