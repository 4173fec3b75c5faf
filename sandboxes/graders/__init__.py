"""Graders: verdicts on a model's code that the code cannot influence (docs/graders.md).

Graders open sandboxes of any backend, never import a solution, never believe its output or its exit
code, and put no expected output into its sandbox. Each returns a `Verdict`.
"""

from __future__ import annotations

from envgym.sandboxes.graders.asserts import AssertTests, grade_asserts
from envgym.sandboxes.graders.compare import Equality
from envgym.sandboxes.graders.functions import CallCase, grade_calls
from envgym.sandboxes.graders.programs import IoCase, Program, grade_program
from envgym.sandboxes.graders.verdict import CaseResult, Status, Verdict

__all__ = [
    "AssertTests",
    "CallCase",
    "CaseResult",
    "Equality",
    "IoCase",
    "Program",
    "Status",
    "Verdict",
    "grade_asserts",
    "grade_calls",
    "grade_program",
]
