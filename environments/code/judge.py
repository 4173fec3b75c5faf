"""Judge a program by a problem's tests, in sandboxes, within time limits."""

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
    """Resource limits of a program.

    Attributes:
        time_s: Processor seconds per test or run. The wall-clock limit is four times that, so
            that a busy machine does not fail a program.
        memory_mb: Memory in MiB.
        budget_s: Wall seconds for all tests of one verdict.
        output_mb: Maximum printed output, and size of each returned value, in MiB; at least
            twice the size of the expected output.
        int_digits: Maximum decimal digits of an int to read or write, at least 640.
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
        """Limits for a sandbox."""
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
    """Judge a program by a problem's tests.

    Args:
        backend: Backend that runs it.
        problem: Problem to solve.
        code: The program, without the problem's preamble.
        public: Run the public tests only.
        bounds: Resource limits of the program.
        stop_early: Skip the remaining rows of a suite after the first failure.
        reveal: Include messages of hidden asserts in the verdict; never for the agent.

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
    """Return whether every failed test gave an answer that another reading may accept."""
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
