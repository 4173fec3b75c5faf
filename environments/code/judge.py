"""A program against a problem's tests, by the grader of their kind, in boxes, within a time."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from envgym.environments.code.problem import Problem, Suite
from envgym.errors import UsageError
from envgym.sandboxes import Backend, Limits
from envgym.sandboxes.graders import (
    Equality,
    Status,
    Verdict,
    grade_asserts,
    grade_calls,
    grade_program,
)
from envgym.sandboxes.graders.checkers import lines, numbers
from envgym.sandboxes.limits import ANY_DIGITS, MIB

_CLOCK = 4


@dataclass(frozen=True)
class Bounds:
    """What a program may use.

    Attributes:
        time_s: Processor seconds of one test, or of one run; by the clock it gets four times that,
            for a busy machine's slowness is not the program's.
        memory_mb: Memory, in MiB.
        budget_s: Wall seconds of all tests of one verdict together.
        output_mb: What it may print, and each value that it gives, in MiB; where a test expects
            more than half of that, twice what it expects.
        int_digits: Decimal digits of an int that it may read or write, 640 at least.
    """

    time_s: float = 5.0
    memory_mb: int = 256
    budget_s: float = 45.0
    output_mb: float = 4.0
    int_digits: int = ANY_DIGITS

    def __post_init__(self) -> None:
        if not 0 < self.time_s <= self.budget_s:
            raise UsageError(f"time_s must be above 0 and {self.budget_s:g} at most")
        if self.memory_mb < 32:
            raise UsageError(f"memory_mb must be at least 32, not {self.memory_mb}")
        if not 0 < self.output_mb <= self.memory_mb:
            raise UsageError(f"output_mb must be above 0 and {self.memory_mb} (memory_mb) at most")
        if not 640 <= self.int_digits <= ANY_DIGITS:
            raise UsageError(f"int_digits must be 640 to {ANY_DIGITS}, not {self.int_digits}")

    @property
    def limits(self) -> Limits:
        """As a box is told."""
        return Limits(
            wall_s=min(_CLOCK * self.time_s, self.budget_s),
            cpu_s=self.time_s,
            memory_bytes=self.memory_mb * MIB,
            output_bytes=int(self.output_mb * MIB),
            int_digits=self.int_digits,
        )


async def judge(
    backend: Backend,
    problem: Problem,
    code: str,
    *,
    public: bool,
    bounds: Bounds,
    stop_early: bool = False,
    reveal: bool = False,
) -> Verdict:
    """How a program does.

    Args:
        backend: Where it runs.
        problem: What it should solve.
        code: The program, without the problem's preamble.
        public: Whether only the public tests run; otherwise all of them.
        bounds: Of the program.
        stop_early: Whether the first failure leaves the other rows of a suite unrun.
        reveal: Whether the verdict may tell what hidden asserts said; never for the agent.

    Raises:
        Fault: A sandbox broke.
    """
    source, begun = problem.program(code), time.monotonic()
    verdict = await _judged(backend, problem.suite, source, bounds, public, stop_early, reveal)
    for suite in problem.suite.alternatives():
        left = bounds.budget_s - (time.monotonic() - begun)
        if verdict.passed or not _is_only_wrong(verdict) or left < bounds.time_s:
            break
        rest = replace(bounds, budget_s=left)
        other = await _judged(backend, suite, source, rest, public, True, reveal)
        verdict = other if other.passed else verdict
    return verdict


def _is_only_wrong(verdict: Verdict) -> bool:
    """Whether every test that failed gave an answer, which another reading may call right."""
    wrong = (Status.PASS, Status.WRONG, Status.UNRUN)
    return not verdict.error and all(case.status in wrong for case in verdict.cases)


async def _judged(
    backend: Backend,
    suite: Suite,
    source: str,
    bounds: Bounds,
    public: bool,
    stop_early: bool,
    reveal: bool,
) -> Verdict:
    suite = replace(suite, entry_point=suite.entry_in(source))
    if suite.kind == "asserts":
        tests = suite.asserts(public=public)
        tests = replace(tests, hidden=tests.hidden and not reveal)
        return await grade_asserts(
            backend, source, tests, limits=bounds.limits, budget_s=bounds.budget_s
        )
    if suite.kind == "calls":
        return await grade_calls(
            backend,
            source,
            suite.calls(public=public),
            equal=Equality(suite.tolerance, tuples_are_lists=True, keys_are_texts=True),
            limits=bounds.limits,
            budget_s=bounds.budget_s,
            stop_early=stop_early,
        )
    return await grade_program(
        backend,
        source,
        suite.io(public=public),
        check=numbers(suite.tolerance, suite.layout) if suite.tolerance else lines,
        limits=bounds.limits,
        budget_s=bounds.budget_s,
        stop_early=stop_early,
    )
