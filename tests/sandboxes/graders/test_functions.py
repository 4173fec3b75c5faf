from __future__ import annotations

from typing import Any

import pytest

from envgym.errors import UsageError
from envgym.sandboxes import Backend, Limits, Sandbox
from envgym.sandboxes.graders import solution_proxy
from envgym.sandboxes.graders.compare import Equality
from envgym.sandboxes.graders.functions import CallCase, grade_calls
from envgym.sandboxes.graders.verdict import Status
from tests.sandboxes.graders.python_attacks import ATTACKS, SOLUTION

CASES = [CallCase("total", [[1, 2, 3]], 6), CallCase("total", [[10, 20]], 30)]
QUICK = Limits(wall_s=3.0, cpu_s=1.0, output_bytes=1 << 16)


async def test_a_right_solution_passes(backend: Backend) -> None:
    verdict = await grade_calls(backend, "print('hello')\n" + SOLUTION, CASES)
    assert verdict.passed, verdict
    assert (verdict.passes, verdict.expected, verdict.fraction) == (2, 2, 1.0)


async def test_no_tests_are_no_pass(backend: Backend) -> None:
    verdict = await grade_calls(backend, SOLUTION, [])
    assert not verdict.passed
    assert verdict.fraction == 0.0


@pytest.mark.parametrize("name", ATTACKS)
async def test_attacks_do_not_pass(backend: Backend, name: str) -> None:
    verdict = await grade_calls(backend, ATTACKS[name], CASES, limits=QUICK, budget_s=3.0)
    assert not verdict.passed
    assert len(verdict.cases) == 2


async def test_each_ending_has_its_status(backend: Backend) -> None:
    source = """
import os, sys, time
def act(kind):
    print("noise", kind)
    if kind == "wrong": return 2
    if kind == "raise": return 1 / 0
    if kind == "exit": os._exit(0)
    if kind == "sleep": time.sleep(60)
    if kind == "flood": print("x" * (8 << 20))
    if kind == "object": return object()
    return 1
"""
    kinds = ["right", "wrong", "raise", "exit", "sleep", "flood", "object", "right again"]
    cases = [CallCase("act", [kind], 1) for kind in kinds]
    verdict = await grade_calls(backend, source, cases, limits=QUICK)
    assert [case.status for case in verdict.cases] == [
        Status.PASS,
        Status.WRONG,
        Status.RE,
        Status.RE,
        Status.TLE,
        Status.OLE,
        Status.BAD_VALUE,
        Status.PASS,
    ]
    assert "ZeroDivisionError" in verdict.cases[2].detail
    assert verdict.fraction == 2 / 8


async def test_feedback_shows_public_tests_and_hides_hidden_ones(backend: Backend) -> None:
    wrong = "def total(numbers):\n    return sum(numbers) + (len(numbers) > 2)\n"
    hidden = [CallCase("total", [[1, 2, 3]], 6, hidden=True)]
    text = (await grade_calls(backend, wrong, hidden)).feedback()
    assert "wrong answer" in text
    assert "6" not in text
    assert "[1, 2, 3]" not in text
    shown = (
        await grade_calls(backend, wrong, [*hidden, CallCase("total", [[9, 9, 9]], 27)])
    ).feedback()
    assert "total([9, 9, 9]) should give 27" in shown
    assert "it gave 28" in shown
    assert "[1, 2, 3]" not in shown


async def test_all_calls_share_a_budget(backend: Backend) -> None:
    source = "import time\ndef total(numbers):\n    time.sleep(1)\n    return sum(numbers)\n"
    verdict = await grade_calls(backend, source, CASES * 3, budget_s=3.0)
    statuses = [case.status for case in verdict.cases]
    assert statuses[:2] == [Status.PASS, Status.PASS]
    assert statuses[3:] == [Status.TLE] * 3


async def test_the_first_failure_may_end_it(backend: Backend) -> None:
    verdict = await grade_calls(backend, ATTACKS["65 nothing defined"], CASES, stop_early=True)
    assert [case.status for case in verdict.cases] == [Status.RE, Status.UNRUN]


async def test_methods_keywords_and_loose_rows(backend: Backend) -> None:
    source = "class Solution:\n    def pair(self, a, *, b=0):\n        return (a, b + 0.1)\n"
    cases = [CallCase("Solution.pair", [1], [1, 2.1], {"b": 2})]
    loose = Equality(tolerance=1e-9, tuples_are_lists=True)
    assert (await grade_calls(backend, source, cases, equal=loose)).passed
    assert not (await grade_calls(backend, source, cases)).passed


async def test_rows_are_of_plain_values(backend: Backend) -> None:
    with pytest.raises(UsageError, match="test 1 holds a object"):
        await grade_calls(backend, SOLUTION, [CallCase("total", [object()], 1)])


async def test_who_dies_in_every_call_is_not_asked_for_ever(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each death costs a new box, which no limit of the solution's own time would stop."""
    monkeypatch.setattr(solution_proxy, "_MOST_LOSSES", 2)
    opened = []

    class Counted(Backend):
        name, isolation = backend.name, backend.isolation

        async def open(self, **options: Any) -> Sandbox:
            opened.append(1)
            return await backend.open(**options)

        async def close(self) -> None:
            return

    source = "import os\ndef total(n):\n    os._exit(0)\n"
    verdict = await grade_calls(Counted(), source, CASES * 4)
    assert [case.status for case in verdict.cases] == [Status.RE] * 8
    assert "too often" in verdict.cases[-1].detail
    assert len(opened) == 2


async def test_long_arguments_and_values_fit(backend: Backend) -> None:
    """A value may be as long as what may be printed, and twice as long as what is expected."""
    many = list(range(300_000))
    source = "def total(numbers):\n    return numbers if len(numbers) > 9 else [7] * 10**6\n"
    cases = [CallCase("total", [many], many), CallCase("total", [[1]], [7] * 10**6)]
    verdict = await grade_calls(backend, source, cases, limits=QUICK)
    assert verdict.passed, [case.status for case in verdict.cases]
    verdict = await grade_calls(backend, source, cases[1:] * 2, limits=QUICK)
    assert verdict.passed
    verdict = await grade_calls(backend, source, [CallCase("total", [[1]], [7])], limits=QUICK)
    assert verdict.cases[0].status is Status.BAD_VALUE
    assert "too large" in verdict.feedback()
    wide = QUICK.model_copy(update={"output_bytes": 4 << 20})
    verdict = await grade_calls(backend, source, [CallCase("total", [[1]], [7])], limits=wide)
    assert verdict.cases[0].status is Status.WRONG


async def test_numbers_of_any_length(backend: Backend) -> None:
    source = "def total(text):\n    return str(int(text) + 1)\n"
    cases = [CallCase("total", ["9" * 6000], "1" + "0" * 6000)]
    assert (await grade_calls(backend, source, cases)).passed
    source = "def total(n):\n    return 10**n\n"
    assert (await grade_calls(backend, source, [CallCase("total", [6000], 10**6000)])).passed
    wrong = source.replace("**n", "**n + 1")
    verdict = await grade_calls(backend, wrong, [CallCase("total", [6000], 10**6000)])
    assert "should give 0x" in verdict.feedback()
