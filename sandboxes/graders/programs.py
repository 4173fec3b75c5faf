"""Grader of whole programs by their output for an input (APPS, TACO, CodeContests).

The program is run once for each test, with the test's input and nothing else; its output comes to
the host, which compares. Exit codes count against it and never for it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from envgym.errors import UsageError
from envgym.sandboxes.base import Backend, Sandbox
from envgym.sandboxes.graders.checkers import Checker, lines
from envgym.sandboxes.graders.offload import offload
from envgym.sandboxes.graders.solution_proxy import ending
from envgym.sandboxes.graders.verdict import CaseResult, Status, Verdict
from envgym.sandboxes.limits import Limits
from envgym.sandboxes.outcome import Outcome, Result
from envgym.utils.bounded_text import bounded_start

_SHOWN = 300


@dataclass(frozen=True)
class IoCase:
    """An input and its expected output.

    Attributes:
        stdin: Standard input.
        expected: Expected standard output.
        hidden: Whether the model may see the status only.
    """

    stdin: str
    expected: str
    hidden: bool = False


@dataclass(frozen=True)
class Program:
    """A program to grade: Python source, or files with a command.

    Attributes:
        source: Python source; empty if `run` is given.
        files: Files by path.
        build: Command that runs once before the tests and has to end with exit code 0.
        run: Command of one test.
    """

    source: str = ""
    files: Mapping[str, bytes] = field(default_factory=dict)
    build: Sequence[str] = ()
    run: Sequence[str] = ()


async def grade_program(
    backend: Backend,
    program: Program | str,
    cases: Sequence[IoCase],
    *,
    check: Checker = lines,
    limits: Limits = Limits(),  # noqa: B008  (frozen)
    build_limits: Limits | None = None,
    budget_s: float = math.inf,
    stop_early: bool = False,
) -> Verdict:
    """Grade a program by its output for each input.

    Args:
        backend: Backend of its sandbox.
        program: A `Program`, or Python source.
        cases: The tests; with none of them nothing passes.
        check: One of `envgym.sandboxes.graders.checkers`, or a checker of the task's own.
        limits: Limits of each test; output and input limits are raised where a test needs more.
        build_limits: Limits of the build; `limits` by default.
        budget_s: Wall-clock seconds of all tests; later tests are TLE and not run.
        stop_early: Whether the first failure leaves the rest UNRUN.

    Raises:
        Fault: The sandbox broke.
    """
    made = Program(program) if isinstance(program, str) else program
    results: list[CaseResult] = []
    bench = _ProgramBox(backend, made, _fitted(limits, cases), budget_s)
    try:
        broken = await bench.build(build_limits or limits)
        if broken:
            return Verdict((), len(cases), broken)
        for number, case in enumerate(cases, 1):
            name = f"test {number}"
            if stop_early and results and results[-1].status is not Status.PASS:
                results.append(CaseResult(name, Status.UNRUN, hidden=case.hidden))
                continue
            status, detail = await bench.run(case, check)
            results.append(CaseResult(name, status, detail, case.hidden))
    finally:
        await bench.close()
    return Verdict(tuple(results), len(cases))


def _fitted(limits: Limits, cases: Sequence[IoCase]) -> Limits:
    """Limits that fit the tests' own inputs and twice their outputs."""
    stdin = max((len(_bytes(case.stdin)) for case in cases), default=0)
    output = max((2 * len(_bytes(case.expected)) for case in cases), default=0)
    if stdin <= limits.stdin_bytes and output <= limits.output_bytes:
        return limits
    room = {
        "stdin_bytes": max(limits.stdin_bytes, stdin),
        "output_bytes": max(limits.output_bytes, output),
    }
    return limits.model_copy(update=room)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


class _ProgramBox:
    """A sandbox with the program in it, replaced after a killed test."""

    def __init__(self, backend: Backend, program: Program, limits: Limits, budget_s: float) -> None:
        self._backend = backend
        self._program = program
        self._limits = limits
        self._left_s = budget_s
        self._built: bytes | None = None
        self._box: Sandbox | None = None

    async def build(self, limits: Limits) -> str:
        """Write the files and build; return the problem, or ""."""
        program = self._program
        if not program.files and not program.build:
            return ""
        self._box = await self._backend.open(limits=self._limits)
        for path, data in program.files.items():
            await self._box.write(path, data)
        if program.build:
            built = await self._box.exec(program.build, limits=limits)
            if not built.ok:
                return f"it does not build:\n{_build_words(built)}"
        try:
            self._built = await self._box.snapshot()
        except UsageError as error:
            return f"what it built cannot be kept: {error}"
        return ""

    async def run(self, case: IoCase, check: Checker) -> tuple[Status, str]:
        """Run one test."""
        if self._left_s <= 0:
            return Status.TLE, "the time for all tests together is spent"
        if self._box is None:
            self._box = await self._backend.open(limits=self._limits, snapshot=self._built)
        stdin = _bytes(case.stdin)
        wall_s = min(self._limits.wall_s, self._left_s)
        limits = self._limits.model_copy(update={"wall_s": wall_s})
        if self._program.run:
            result = await self._box.exec(self._program.run, stdin=stdin, limits=limits)
        else:
            result = await self._box.python(self._program.source, stdin=stdin, limits=limits)
        self._left_s -= result.wall_s
        if result.exit_code is None:
            await self.close()
        shown = f"input:\n{_cut(case.stdin)}\nexpected output:\n{_cut(case.expected)}\n"
        if result.outcome is not Outcome.OK:
            status, why = ending(result)
            return status, f"{shown}{why}"
        size = len(result.stdout) + len(case.expected)
        if await offload(size, check, case.stdin, case.expected, result.text):
            return Status.PASS, ""
        return Status.WRONG, f"{shown}output:\n{_cut(result.text)}"

    async def close(self) -> None:
        """Close the sandbox."""
        box, self._box = self._box, None
        if box is not None:
            await box.close()


def _build_words(result: Result) -> str:
    text = (result.error_text or result.text).strip()
    return _cut(text or result.detail or str(result.outcome), 2000)


def _cut(text: str, limit: int = _SHOWN) -> str:
    return bounded_start(text.rstrip("\n"), limit)
