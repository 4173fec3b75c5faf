"""Rows as people's data has them: what must not count against a right answer, and what must."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

import envgym
from envgym import Action
from envgym.environments.code.data.dataset import Problems, Source
from tests.environments.code.conftest import scored, written

pytestmark = pytest.mark.usefixtures("boxes")

ECHO = "print(input())"
HALF = {
    "task_id": "HumanEval/9",
    "prompt": 'from typing import List\n\ndef half(x):\n    """Halve."""\n',
    "entry_point": "half",
    "canonical_solution": "    return x / 2\n",
    "test": "def check(candidate):\n    assert candidate(3) == 1.5\n    assert half(4) == 2\n",
}
HELPERS = """import numpy as np

def is_floats(x) -> bool:
    if isinstance(x, float):
        return True
    if isinstance(x, (list, tuple)):
        return all(isinstance(i, float) for i in x)
    if isinstance(x, np.ndarray):
        return x.dtype == np.float64 or x.dtype == np.float32
    return False

def assertion(out, exp, atol):
    exact_match = out == exp
    if atol == 0 and is_floats(exp):
        atol = 1e-6
    if not exact_match and atol != 0:
        np.testing.assert_allclose(out, exp, atol=atol)
    else:
        assert exact_match

"""
CHECK = """def check(candidate):
    inputs = [[1], [2], [[1, 2]]]
    results = [0.3333333333333, 0.6666666666666, [0.3333333333333, 0.6666666666666]]
    for i, (inp, exp) in enumerate(zip(inputs, results)):
        assertion(candidate(*inp), exp, 0)
"""
THIRD = "def half(x):\n    return [half(n) for n in x] if isinstance(x, list) else x * {}\n"


def human_eval(**fields: Any) -> dict[str, Any]:
    return {**HALF, **fields}


def apps(tests: Any, *solutions: str, **fields: Any) -> dict[str, Any]:
    row = {"question": "Q", "input_output": tests, "solutions": json.dumps(solutions)}
    return {**row, "difficulty": "interview", "problem_id": 1, "starter_code": "", **fields}


def echo(*solutions: str) -> dict[str, Any]:
    return apps({"inputs": ["1\n", "2\n"], "outputs": ["1\n", "2\n"]}, *solutions)


def calls(ins: list[Any], outs: list[Any], *solutions: str, **fields: Any) -> dict[str, Any]:
    return apps({"fn_name": "f", "inputs": ins, "outputs": outs}, *solutions, **fields)


async def test_a_function_that_is_called_as_its_check_is(tmp_path: Path) -> None:
    row = human_eval(
        prompt='def check(x):\n    """One more."""\n',
        entry_point="check",
        canonical_solution="    return x + 1\n",
        test="def check(candidate):\n    assert candidate(1) == 2\n",
    )
    assert await scored(tmp_path, row, "def check(x): return x + 1", "check = int") == [1.0, 0.0]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"test": "assert half(3) == 1.5\nassert half(4) == 2\n"},  # no check(candidate)
        {"prompt": "import math\n\ndef half(x):\n"},  # its body is still due
        {"prompt": "Halve the number.\n", "canonical_solution": ""},
        {"canonical_solution": ""},
    ],
)
async def test_tests_and_prompts_of_other_forms(tmp_path: Path, fields: dict[str, str]) -> None:
    right, wrong = "def half(x): return x / 2", "def half(x): return x // 2"
    assert await scored(tmp_path, human_eval(**fields), right, wrong) == [1.0, 0.0]


async def test_human_eval_plus_compares_floats_without_numpy(tmp_path: Path) -> None:
    row = human_eval(canonical_solution="", test=HELPERS + CHECK)
    right, near, wrong = (THIRD.format(f) for f in ("(1 / 3)", "0.33333331", "0.3334"))
    assert await scored(tmp_path, row, right, near, wrong) == [1.0, 1.0, 0.0]
    assert await scored(tmp_path, row, "def half(x): return [x]", "half = str") == [0.0, 0.0]


@pytest.mark.parametrize("solution", [HALF["canonical_solution"], ""])
@pytest.mark.parametrize(
    ("test", "message"),
    [
        ("import nowhere\n\ndef check(c):\n    assert c(2) == 1\n", r"'imports': \['nowhere'\]"),
        ("def check(c):\n    import numpy as n\n    assert n.array([c(2)]).sum()\n", "'numpy'"),
        ("def check(c):\n    assert c(2) == twice(1)\n", "name 'twice' is not defined"),
        ("def check(c):\n    assert abs(c(4) - 2) < eps\n", "'?eps'?"),
        ("def check(c):\n    assert len([c(4)]) == len(one)\n", "'?one'?"),
        ("def check(c):\n    assert 1 == 2\n    assert c(2) == 1\n", "before they call it"),
    ],
)
def test_tests_that_cannot_run_are_named_and_never_judge(
    tmp_path: Path, solution: str, test: str, message: str
) -> None:
    row = human_eval(test=test, canonical_solution=solution)
    with pytest.raises(envgym.UsageError, match=rf"\(HumanEval/9\): .*{message}"):
        Problems.open(Source(written(tmp_path, row)))


@pytest.mark.parametrize("solution", [HALF["canonical_solution"], ""])
def test_an_entry_point_that_the_prompt_does_not_define(tmp_path: Path, solution: str) -> None:
    row = human_eval(entry_point="double", canonical_solution=solution)
    with pytest.raises(envgym.UsageError, match="entry_point is double, and its prompt defines h"):
        Problems.open(Source(written(tmp_path, row)))


def test_a_function_that_neither_starter_nor_reference_defines(tmp_path: Path) -> None:
    row = calls([[1], [2]], [2, 3], starter_code="def g(x):\n")
    with pytest.raises(envgym.UsageError, match="call f, and its starter code defines g"):
        Problems.open(Source(written(tmp_path, row)))
    row = calls([[1], [2]], [2, 3], "def g(x):\n    return x + 1\n")
    with pytest.raises(envgym.UsageError, match="its reference defines no f"):
        Problems.open(Source(written(tmp_path, row)))


@pytest.mark.parametrize(
    "test",
    [
        "import numpy as np\ndef check(c):\n    assert np.isclose(c(3), 1.5) and c(1) != np.inf\n",
        "from numpy import allclose\ndef check(c):\n    assert allclose([c(3)], [1.5])\n",
        "from numpy.testing import assert_allclose as near\n"
        "def check(c):\n    assert near(c(3), 1.5) is None\n",
        "from numpy.testing import assert_almost_equal\n"
        "def check(c):\n    assert_almost_equal(c(3), 1.5)\n",
        "import numpy\ndef check(c):\n    numpy.testing.assert_allclose(c(3), 1.5)\n",
        "import numpy as np\ndef check(c):\n    assert np.array_equal([c(3)], [1.5])\n",
        "import numpy as np\ndef check(c):\n    assert np.abs(c(3) - 1.5) < 1e-6\n",
    ],
)
async def test_comparisons_of_numpy_without_numpy(tmp_path: Path, test: str) -> None:
    row = human_eval(test=test)
    assert await scored(tmp_path, row, "def half(x): return x / 2", "def half(x): return 1.6") == [
        1.0,
        0.0,
    ]


async def test_tests_that_break_in_an_episode_are_a_fault(tmp_path: Path) -> None:
    data = written(tmp_path, human_eval(test="import nowhere\nassert half(2) == 1\n"))
    async with envgym.make("code/python-v1", data=data, verify=False) as env:
        await env.reset(options={"split": "all"})
        with pytest.raises(envgym.Fault, match="No module named 'nowhere'"):
            await env.step(Action.call("submit", code="def half(x): return x / 2"))


async def test_references_of_python_2_are_passed_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    old = ["print(raw_input())", "print raw_input()", "import urllib2\nprint(input())"]
    row = echo(*old, *old, ECHO)
    (problem,) = Problems.open(Source(written(tmp_path, row))).problems
    assert problem.reference == ECHO
    with caplog.at_level(logging.WARNING):
        found = Problems.open(Source(written(tmp_path, echo(*old))))
    assert "no reference proves: rows.jsonl.gz line 1 (1): no reference" in caplog.text
    assert (found.problems[0].reference, len(found.unproven)) == ("", 1)
    assert await scored(tmp_path, echo(*old), ECHO, "print(1)") == [1.0, 0.0]
    with pytest.raises(envgym.UsageError, match="contradict"):
        Problems.open(Source(written(tmp_path, echo(*old, "print(1)", "print(2)"))))


@pytest.mark.parametrize(
    "old",
    [
        "import sys\nprint(sys.stdin.next())",
        "print({}.has_key(1))",
        "print(map(str, [input()])[0])",
        "a = range(3)\na[0] = input()\nprint(a[0])",
        "print(len(filter(None, input())))",
        "a = {input(): 1}.keys()\na.sort()\nprint(a[0])",
    ],
)
async def test_references_with_methods_of_python_2_contradict_nothing(
    tmp_path: Path, old: str
) -> None:
    (problem,) = Problems.open(Source(written(tmp_path, echo(old)))).problems
    assert problem.reference == ""


async def test_what_the_data_sets_import_is_there(tmp_path: Path) -> None:
    starter = "class Solution:\n    def f(self, nums: List[int]) -> int:\n        "
    row = calls([[[2, 7]], [[3]], [[4, 1]]], [2, 3, 4], starter_code=starter)
    right = f"{starter}return pow(list(Counter(nums))[0], 1)"
    assert await scored(tmp_path, row, right, f"{starter}return max(nums)") == [1.0, 0.0]
    program = (
        "from __future__ import annotations\nprint(reduce(gcd, [int(input())]) + floor(pi) - 3)"
    )
    assert await scored(tmp_path, echo(), program) == [1.0]
    async with envgym.make("code/python-v1", data=written(tmp_path, row)) as env:
        seen, _ = await env.reset(options={"split": "all"})
        assert "from collections import *" in seen.text
        step = await env.step(Action.call("run", code="print(deque([1]), open)"))
        assert "deque([1]) <built-in function open>" in step.observation.text


async def test_functions_and_methods_alike(tmp_path: Path) -> None:
    plain = "def f(x):\n    return x + 1\n"
    method = "class Solution:\n    def f(self, x):\n        return x + 1\n"
    for row in (
        calls([[1], [2]], [2, 3]),
        calls([[1], [2]], [2, 3], starter_code="class Solution:\n    def f(self, x):\n"),
    ):
        assert await scored(tmp_path, row, plain, method) == [1.0, 1.0]


LISTED, BARE = "def f(x): return [x + 1]", "def f(x): return x + 1"
BOXED = ([[1], [2]], [[2], [3]])


@pytest.mark.parametrize(
    ("row", "right", "wrong"),
    [
        (calls(*BOXED, LISTED), LISTED, BARE),  # a reference decides
        (calls(*BOXED, BARE), BARE, LISTED),
        (calls(*BOXED, starter_code="def f(x) -> List[int]:"), LISTED, BARE),
        (calls(*BOXED, starter_code="def f(x) -> int:"), BARE, LISTED),
        (calls(*BOXED), BARE, "def f(x): return x"),  # APPS' custom, and
        (calls(*BOXED), LISTED, "def f(x): return [2]"),  # what it says
        (calls(*BOXED), LISTED, "def f(x): return 2 if x == 1 else [3]"),
        (calls([[1], [2]], [[2], [3, 4]]), "def f(x): return [2] if x == 1 else [3, 4]", BARE),
        (calls([[{"1": 2}], [{"3": 4}]], [2, 4]), "def f(d): return d.get(1) or d[3]", "f = len"),
        (
            calls([[{"1": 2}], [{"3": 4}]], ["1", "3"], "def f(d): return ''.join(d)"),
            "def f(d): return ''.join(d)",
            "def f(d): return d.get(1, 4)",
        ),
        (calls([[1], [3]], [{"1": 2}, {"3": 4}]), "def f(x): return {x: x + 1}", "f = str"),
        (calls([[1], [3]], [{"1": 2}, {"3": 4}]), "def f(x): return {str(x): x + 1}", "f = int"),
    ],
)
async def test_what_json_leaves_open(
    tmp_path: Path, row: dict[str, Any], right: str, wrong: str
) -> None:
    assert await scored(tmp_path, row, right, wrong) == [1.0, 0.0]


async def test_whole_numbers_of_thousands_of_digits(tmp_path: Path) -> None:
    long = "1" + "0" * 6000
    text = f'{{"fn_name": "f", "inputs": [[1], [{long}]], "outputs": [2, {long[:-1]}1]}}'
    assert await scored(tmp_path, apps(text), BARE, "f = int") == [1.0, 0.0]
    row = human_eval(
        canonical_solution="    return 10 ** 6000 if x else 0\n",
        test=f"def check(c):\n    assert c(1) == {long}\n    assert c(0) == 0\n",
    )
    right, wrong = "def half(x): return 10 ** 6000 if x else 0", "def half(x): return 10 ** 6001"
    assert await scored(tmp_path, row, right, wrong) == [1.0, 0.0]
    row = apps({"inputs": ["20000\n", "3\n"], "outputs": [f"{long}\n", "3\n"]})
    programs = [f"n = int(input())\nprint({power} if n > 3 else 3)" for power in ("10**6000", "7")]
    assert await scored(tmp_path, row, *programs) == [1.0, 0.0]
