"""A program against a problem's tests, by the grader of their kind, in boxes, within a time."""

from __future__ import annotations

from dataclasses import dataclass

from envgym.environments.code.problem import Problem
from envgym.errors import UsageError
from envgym.sandboxes import Backend, Limits
from envgym.sandboxes.graders import (
    Equality,
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
    backend: Backend, problem: Problem, code: str, *, public: bool, bounds: Bounds
) -> Verdict:
    """How a program does.

    Args:
        backend: Where it runs.
        problem: What it should solve.
        code: The program, without the problem's preamble.
        public: Whether only the public tests run; otherwise all of them.
        bounds: Of the program.

    Raises:
        Fault: A sandbox broke.
    """
    suite, source = problem.suite, problem.program(code)
    if suite.kind == "asserts":
        tests = suite.asserts(public=public)
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
        )
    return await grade_program(
        backend,
        source,
        suite.io(public=public),
        check=numbers(suite.tolerance, suite.layout) if suite.tolerance else lines,
        limits=bounds.limits,
        budget_s=bounds.budget_s,
    )
