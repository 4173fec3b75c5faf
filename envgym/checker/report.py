"""Report of the checker, as text and as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple


class Problem(NamedTuple):
    """A problem: the observed behaviour and its most likely fix."""

    message: str
    fix: str


@dataclass(frozen=True)
class Finding:
    """Outcome of one check; a failed check has one finding per problem.

    Attributes:
        check: The check's name.
        fix: Most likely fix; empty where the check passed.
        rests_on: The failed check that this one builds on, for which it was not run: fix that one
            first. Empty where it was run.
    """

    check: str
    ok: bool
    message: str = ""
    fix: str = ""
    rests_on: str = ""

    @property
    def mend(self) -> str:
        """Former name of `fix`, kept for one release."""
        return self.fix

    def __str__(self) -> str:
        if self.ok:
            return f"ok    {self.check}"
        if self.rests_on:
            return f"-     {self.check}: not run, it rests on {self.rests_on}"
        return f"FAIL  {self.check}: {self.message}\n      fix: {self.fix}"


@dataclass
class Report:
    """All findings about one environment."""

    env: str
    findings: list[Finding] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Flag that every check passed."""
        return all(finding.ok for finding in self.findings)

    @property
    def failures(self) -> list[Finding]:
        """Findings of failed checks, without the checks that were not run."""
        return [finding for finding in self.findings if not finding.ok and not finding.rests_on]

    def to_json(self) -> dict[str, Any]:
        """The report as JSON values."""
        return {"env": self.env, "ok": self.ok, "findings": [asdict(f) for f in self.findings]}

    def __str__(self) -> str:
        return "\n".join([self.env, *map(str, self.findings)])
