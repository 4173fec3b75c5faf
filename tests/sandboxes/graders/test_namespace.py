from __future__ import annotations

import pytest

from envgym.errors import UsageError
from envgym.sandboxes.backends.registry import open_backend
from envgym.sandboxes.graders import (
    AssertTests,
    CallCase,
    IoCase,
    grade_asserts,
    grade_calls,
    grade_program,
)
from envgym.sandboxes.graders.repository import Suite, grade_repository
from tests.machine import need
from tests.sandboxes.graders.repository.attacks import CALC, EXPECTED, MENDED, PRISTINE
from tests.sandboxes.graders.repository.test_grade import archive

RIGHT = "def double(n):\n    return 2 * n\n"
WRONG = "def double(n):\n    return n\n"


async def test_graders_work_in_boxes_that_hold_programs_in() -> None:
    async with open_backend("namespace", imports=["pytest"]) as backend:
        try:
            await (await backend.open()).close()
        except UsageError as refused:
            need(False, str(refused))
        tests = AssertTests("assert double(2) == 4", ("double",))
        for source, right in ((RIGHT, True), (WRONG, False)):
            assert (
                await grade_calls(backend, source, [CallCase("double", [2], 4)])
            ).passed == right
            assert (await grade_asserts(backend, source, tests)).passed == right
            program = f"{source}print(double(int(input())))"
            assert (await grade_program(backend, program, [IoCase("2", "4")])).passed == right
        suite = Suite(archive(PRISTINE), EXPECTED)
        for source, right in ((MENDED, True), (CALC, False)):
            work = archive(PRISTINE, {"calc.py": source})
            assert (await grade_repository(backend, suite, work)).passed == right


async def test_a_python_without_pytest_says_so() -> None:
    async with open_backend("unsafe") as backend:
        suite = Suite(archive(PRISTINE), EXPECTED, python=("python3", "-S"))
        with pytest.raises(UsageError, match="no pytest in the sandbox"):
            await grade_repository(backend, suite, archive(PRISTINE))
