"""The settings of a suite and of the bounds, as the graders get them."""

from __future__ import annotations

from typing import Any

import pytest

from envgym.environments.code.judge import Bounds, judge
from envgym.environments.code.problem import Problem, Suite, call_row
from envgym.errors import UsageError
from envgym.sandboxes.backends.registry import open_backend

LINES = ({"stdin": "", "expected": "1 2\n3 0.5\n"},)


async def passes(suite: Suite, source: str, bounds: Bounds | None = None) -> bool:
    problem = Problem.of(Problem("p", "s", suite).task("train"))
    async with open_backend("unsafe") as backend:
        verdict = await judge(
            backend, problem, source, public=False, bounds=bounds or Bounds(time_s=20)
        )
    return verdict.passed


@pytest.mark.parametrize(
    ("suite", "right", "wrong"),
    [
        (Suite("io", (), LINES), "print('1 2\\n3 0.5')", "print('1 2\\n3 0.5000000001')"),
        (
            Suite("io", (), LINES, tolerance=1e-6),
            "print('1 2\\n3 0.5000000001')",
            "print('1 2 3\\n0.5')",
        ),
        (
            Suite("io", (), LINES, tolerance=1e-6, layout="words"),
            "print('1 2 3\\n0.5')",
            "print('1 2 3.0\\n0.5')",
        ),
        (
            Suite("calls", (), (call_row([], [1, 2.5]),), "f", tolerance=1e-6),
            "def f(): return 1.0, 2.5000001",
            "def f(): return 1.0000001, 2.5",
        ),
        (
            Suite("calls", (), (call_row([], {"1": [2]}),), "f"),
            "def f(): return {1: (2,)}",
            "def f(): return {2: (2,)}",
        ),
    ],
)
async def test_a_suite_says_how_it_is_compared(suite: Suite, right: str, wrong: str) -> None:
    assert await passes(suite, right)
    assert not await passes(suite, wrong)


async def test_bounds_say_how_much_may_be_printed_and_read() -> None:
    suite = Suite("io", (), ({"stdin": "5000", "expected": "1\n"},))
    flood = "print('x' * 3_000_000)\n"
    assert not await passes(suite, flood)
    long = "n = int(input())\nprint(str(10**n)[0])\n"
    assert await passes(suite, long)
    assert not await passes(suite, long, Bounds(time_s=20, int_digits=4300))


@pytest.mark.parametrize("bad", [{"output_mb": 0}, {"output_mb": 300}, {"int_digits": 639}])
def test_bounds_that_cannot_be_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(bad))):
        Bounds(**bad)
