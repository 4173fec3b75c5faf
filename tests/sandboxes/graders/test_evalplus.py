from __future__ import annotations

import math
import re
from typing import Any

import pytest

from envgym.errors import UsageError
from envgym.sandboxes import Backend
from envgym.sandboxes.graders import AssertTests, Verdict, evalplus, grade_asserts
from envgym.sandboxes.graders.harness.evalplus import evalplus_agrees


@pytest.mark.parametrize(
    ("task_id", "entry", "args", "want", "right", "wrong"),
    [
        ("HumanEval/32", "find_zero", ([-1, 0, 1],), -1.0, [1.0, -1.0, 1.00001], [0.0, 1.1]),
        ("Mbpp/32", "find_zero", ([-1, 0, 1],), -1.0, [-1.0], [1.0]),
        ("Mbpp/2", "similar_elements", ((), ()), (4, 30), [(30, 4), [4, 30, 4]], [(4,), (4, 31)]),
        ("HumanEval/2", "similar_elements", ((), ()), (4, 30), [(4, 30)], [(30, 4), [4, 30]]),
        ("Mbpp/461", "check_str", ("a",), "a match", [True, object(), 0], [False, None]),
        ("Mbpp/461", "check_str", ("a",), None, [False, None], [True, object()]),
        ("Mbpp/461", "check_str", ("a",), False, [False, None], [True, object()]),
        ("Mbpp/295", "sum_div", (1,), 1, [1, 0], [2, None]),
        ("Mbpp/295", "sum_div", (12,), 16, [16], [0, 17]),
        ("Mbpp/581", "surface_Area", (3, 4), 33, [33, 35], [32, 34]),
        ("Mbpp/558", "digit_distance_nums", (1, 22), 2, [2, 3], [1, 4, None]),
        ("Mbpp/1", "f", (), 10**9, [10**9, 1e9], [10**9 + 1, 10**9 - 1, str(10**9)]),
        ("Mbpp/1", "f", (), 0.5, [0.5, 0.5000005], [0.50001, "0.5", None, 0]),
        ("Mbpp/1", "f", (), [0.5, (1, "a")], [[0.5000005, (1, "a")]], [[0.5, [1, "a"]], [0.5]]),
        ("Mbpp/1", "f", (), {"a": 0.5}, [{"a": 0.5000005}], [{"a": 0.6}, {"b": 0.5}]),
        ("Mbpp/1", "f", (), math.nan, [math.nan], [0.0, None]),
        ("Mbpp/1", "f", (), math.inf, [math.inf], [-math.inf, 1e308, math.nan]),
        ("Mbpp/1", "f", (), 1 + 1j, [1 + 1j, 1.0000005 + 1j], [1 - 1j, 1.0]),
        ("Mbpp/1", "f", (), {1, 2}, [{2, 1}], [{1}, [1, 2], {1, 2.0000001}]),
    ],
)
def test_rules(
    task_id: str, entry: str, args: Any, want: Any, right: list[Any], wrong: list[Any]
) -> None:
    def agrees(got: Any) -> bool:
        try:
            return evalplus_agrees(task_id, entry, args, got, want, 1e-4 if "zero" in entry else 0)
        except (TypeError, ValueError, OverflowError):
            return False

    assert [got for got in right if not agrees(got)] == []
    assert [got for got in wrong if agrees(got)] == []


async def judged(
    backend: Backend, task_id: str, prompt: str, body: str, inputs: list[Any], source: str
) -> Verdict:
    found = re.search(r"def (\w+)", body or prompt)
    assert found is not None
    entry = found[1]
    tests = AssertTests(
        evalplus.tests(task_id, entry, repr(inputs), 1e-4 if "HumanEval" in task_id else 0),
        (evalplus.PROXY,),
        entry,
        evalplus.prelude(prompt, body, entry),
    )
    return await grade_asserts(backend, source, tests)


POLY = "import math\n\ndef poly(xs, x):\n    return xs[0] + xs[1] * x + xs[2] * x * x\n"


@pytest.mark.parametrize(
    ("body", "right"),
    [("return 1.0", True), ("return -1.0", True), ("return 0.5", False), ("return None", False)],
)
async def test_find_zero(backend: Backend, body: str, right: bool) -> None:
    reference = "def find_zero(xs):\n    return -1.0\n"
    source = f"def find_zero(xs):\n    {body}\n"
    verdict = await judged(backend, "HumanEval/32", POLY, reference, [[[-1, 0, 1]]], source)
    assert verdict.passed is right, verdict


@pytest.mark.parametrize(
    ("body", "right"),
    [("re.search('a', s)", True), ("'a' in s", True), ("True", False), ("None", False)],
)
async def test_outputs_that_are_objects(backend: Backend, body: str, right: bool) -> None:
    reference = "import re\ndef check_str(s):\n    return re.search('^.*a', s)\n"
    source = f"import re\ndef check_str(s):\n    return {body}\n"
    verdict = await judged(backend, "Mbpp/461", "", reference, [["ba"], ["b"]], source)
    assert verdict.passed is right, verdict


async def test_infinite_inputs(backend: Backend) -> None:
    source = "def f(x):\n    return x + 1\n"
    inputs = [[math.inf], [math.nan], [1]]
    assert (await judged(backend, "Mbpp/1", "", source, inputs, source)).passed
    wrong = source.replace("+ 1", "+ 2")
    assert not (await judged(backend, "Mbpp/1", "", source, inputs, wrong)).passed


def test_a_row_to_which_any_answer_is_right_is_refused() -> None:
    with pytest.raises(UsageError, match="any answer of are_equivalent"):
        evalplus.tests("Mbpp/164", "are_equivalent", "[[1, 2]]", 0)
