"""Verdict of a grader: a status for each test, and the feedback for a model."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """Status of one test."""

    PASS = "PASS"
    WRONG = "WRONG"  # another answer
    RE = "RE"  # an exception, a failed build, an end without an answer
    TLE = "TLE"
    MLE = "MLE"
    OLE = "OLE"
    PLE = "PLE"
    DENIED = "DENIED"
    BAD_VALUE = "BAD_VALUE"  # an answer that is no plain value, or too large
    REFUSED = "REFUSED"  # not run: the source or the change breaks a rule
    UNRUN = "UNRUN"  # never came to its turn, or skipped


WORDS = {
    Status.PASS: "passed",
    Status.WRONG: "wrong answer",
    Status.RE: "runtime error",
    Status.TLE: "time limit exceeded",
    Status.MLE: "memory limit exceeded",
    Status.OLE: "output limit exceeded",
    Status.PLE: "process limit exceeded",
    Status.DENIED: "did what a sandbox does not allow",
    Status.BAD_VALUE: "answered with what is no plain value",
    Status.REFUSED: "refused",
    Status.UNRUN: "did not run",
}


@dataclass(frozen=True)
class CaseResult:
    """Result of one test.

    Attributes:
        name: Short name.
        status: Status.
        detail: Input, expected and given output, the exception: for logs, and for the model only if
            the test is not hidden.
        hidden: Whether the model may see the status only.
    """

    name: str
    status: Status
    detail: str = ""
    hidden: bool = False

    def __str__(self) -> str:
        head = f"{'hidden ' if self.hidden else ''}{self.name}: {WORDS[self.status]}"
        return head if self.hidden or not self.detail else f"{head}\n{self.detail}"


@dataclass(frozen=True)
class Verdict:
    """Results of all tests of one submission, judged by the host.

    Attributes:
        cases: Result of each test; the graders' own rules (lint, build) are tests too.
        expected: Number of tests that had to run; zero never passes.
        error: Reason why nothing passes, whatever the cases say; the model may read it.
        unusable: Defect of the *tests* that prevents a verdict: the task's fault, not the
            submission's.
    """

    cases: tuple[CaseResult, ...]
    expected: int
    error: str = ""
    unusable: str = ""

    @property
    def passes(self) -> int:
        """Number of passed tests."""
        return sum(case.status is Status.PASS for case in self.cases)

    @property
    def passed(self) -> bool:
        """Return whether all expected tests ran, at least one, and every one passed."""
        whole = len(self.cases) >= self.expected > 0 and self.passes == len(self.cases)
        return whole and not self.error and not self.unusable

    @property
    def fraction(self) -> float:
        """Share of passed tests; 1.0 only if the whole verdict is a pass."""
        if self.passed:
            return 1.0
        total = max(self.expected, len(self.cases)) + bool(self.error or self.unusable)
        return self.passes / total if total else 0.0

    @property
    def first_failure(self) -> CaseResult | None:
        """First test that did not pass."""
        return next((case for case in self.cases if case.status is not Status.PASS), None)

    def feedback(self) -> str:
        """Feedback for the model: the count, and the first failure, public ones before hidden."""
        count = f"{self.passes} of {max(self.expected, len(self.cases))} tests passed."
        if self.passed:
            return count
        failures = [case for case in self.cases if case.status is not Status.PASS]
        public = [case for case in failures if not case.hidden]
        shown = next(iter(public or failures), "")
        return "\n".join(str(part) for part in (count, self.error or self.unusable, shown) if part)
