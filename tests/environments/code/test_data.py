"""Data sets: each shape in use, rows that hold no problem, tests that contradict references."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import envgym
from envgym import Action
from envgym.environments.code.data.dataset import Problems, Source
from envgym.environments.code.problem import Problem
from envgym.errors import UsageError
from tests.environments.code.conftest import written
from tests.machine import data_file

HUMAN_EVAL = {
    "task_id": "HumanEval/x",
    "prompt": "import math\n\ndef half(n):\n    return n / 2\n\ndef area(r):\n"
    '    """Area.\n    >>> area(0)\n    0.0\n    >>> area(1)\n    7\n    """\n',
    "entry_point": "area",
    "canonical_solution": "    return half(2 * math.pi * r * r)\n",
    "test": "def check(candidate):\n    assert abs(candidate(1) - 3.14159) < 1e-4\n"
    "    assert candidate(0) == area(0) == 0\n",
}
EVAL_PLUS = {
    "task_id": "Mbpp/2",
    "prompt": '"""\nWrite a function.\nassert evens([1, 2]) == [2]\n"""\n',
    "entry_point": "evens",
    "canonical_solution": "\ndef evens(numbers):\n    return [n for n in numbers if n % 2 == 0]\n",
    "base_input": [[[1, 2]], [[2, 4]]],
    "plus_input": [[[]], [[-3, -2]]],
    "atol": 0,
}
MBPP = {
    "task_id": 7,
    "text": "Write a function to find the larger number.",
    "code": "def larger(a, b):\n    return a if math.fabs(a) >= 0 and a > b else b\nimport math\n",
    "test_setup_code": "import math",
    "test_list": ["assert larger(1, 2) == 2", "assert math.isclose(larger(3.0, 2.0), 3.0)"],
    "challenge_test_list": ["assert larger(-1, -2) == -1"],
}
APPS = {
    "problem_id": 3,
    "question": "Add two numbers.",
    "input_output": json.dumps({"inputs": ["1 2\n", "3 4\n"], "outputs": ["3\n", "7\n"]}),
    "solutions": json.dumps(["print raw_input()", "print(sum(map(int, input().split())))"]),
    "difficulty": "interview",
}
APPS_CALLS = {
    "question": "Join two lists.",
    "starter_code": "class Solution:\n    def joined(self, a, b):\n",
    "input_output": {
        "fn_name": "joined",
        "inputs": [[[1], [2]], [[], []]],
        "outputs": [[[1, 2]], [[]]],
    },
    "solutions": ["class Solution:\n    def joined(self, a, b):\n        return a + b\n"],
}
CONTESTS = {
    "name": "1_A. Doubles",
    "description": "Double the number.",
    "public_tests": {"input": ["1\n"], "output": ["2\n"]},
    "private_tests": {"input": ["4\n"], "output": ["8.0000001\n"]},
    "generated_tests": {"input": [], "output": []},
    "solutions": {"language": [1, 3], "solution": ["print 2 * input()", "print(2 * int(input()))"]},
    "difficulty": 7,
    "cf_rating": 800,
    "time_limit": {"seconds": 1, "nanos": 0},
    "memory_limit_bytes": 256000000,
    "input_file": "",
    "output_file": "",
}
EVERY = [HUMAN_EVAL, EVAL_PLUS, MBPP, APPS, APPS_CALLS, CONTESTS]


def opened(tmp_path: Path, *rows: Any, **more: Any) -> Problems:
    return Problems.open(Source(written(tmp_path, *rows), **more))


@pytest.mark.usefixtures("boxes")
async def test_every_shape_is_read_proven_and_solved(tmp_path: Path) -> None:
    data = written(tmp_path, *EVERY)
    async with envgym.make("code/python-v1", data=data, time_s=20) as env:
        tasks = env.tasks("all")
        assert len(tasks) == len(EVERY)
        assert len(env.tasks("train")) + len(env.tasks("test")) == len(EVERY)
        for task in tasks:
            await env.reset(options={"task": task})
            steps = [await env.step(action) async for action in env.oracle()]
            assert [step.info["score"] for step in steps] == [0.0, 1.0], steps[-1].observation.text
            await env.reset(options={"task": task})
            step = await env.step(Action.call("submit", code="def area(r): return r"))
            assert step.info["score"] == 0.0
        human, plus, mbpp, apps, calls, contests = map(Problem.of, tasks)
        assert human.suite.public == (
            "assert area(0) == 0.0",
        )  # the reference contradicts the other
        assert human.preamble.startswith("import math")
        assert "def half" in human.preamble
        assert plus.suite.public == ("assert evens([1, 2]) == [2]",)
        assert mbpp.suite.public == ("assert larger(1, 2) == 2",)
        assert mbpp.suite.names == ("larger",)
        assert apps.reference.startswith("print(sum")  # the first one is of an older Python
        assert apps.difficulty == 2
        assert (len(apps.suite.public), len(apps.suite.hidden)) == (1, 1)
        assert calls.suite.entry_point == "Solution.joined"
        assert calls.suite.hidden[0]["expected"] == []
        assert contests.suite.public[0]["stdin"] == "1\n"
        assert contests.name == "1_A. Doubles"


def changed(row: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {**row, **fields}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (changed(HUMAN_EVAL, test="def check(c): assert"), "do not parse"),
        (changed(HUMAN_EVAL, test="def check(candidate): pass"), "no assert"),
        (changed(HUMAN_EVAL, entry_point=3), "not a text"),
        (changed(EVAL_PLUS, base_input=[], plus_input=None), "no base_input"),
        (changed(MBPP, test_list=[]), "no test_list"),
        (changed(MBPP, test_list=["assert 1"], challenge_test_list=[]), "call no function"),
        (changed(MBPP, test_list="assert larger(1, 2)"), "not a list of texts"),
        (changed(APPS, input_output="{"), "no JSON"),
        (changed(APPS, input_output={"inputs": ["1"], "outputs": []}), "as many outputs"),
        (
            changed(APPS_CALLS, input_output={"fn_name": "f", "inputs": [1], "outputs": [1]}),
            "arguments are not",
        ),
        (changed(CONTESTS, public_tests={"input": ["1"], "output": []}), "as many outputs"),
        (changed(CONTESTS, public_tests={"input": []}, private_tests=None), "no tests"),
        (changed(CONTESTS, input_file="in.txt"), "use the file 'in.txt'"),
        ({"question": "?"}, "no known shape"),
    ],
)
def test_rows_that_hold_no_problem_are_named(
    tmp_path: Path, row: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=rf"1 of 2 rows .*rows\.jsonl\.gz line 2: .*{message}"):
        opened(tmp_path, APPS, row, verify=False)


@pytest.mark.usefixtures("boxes")
def test_tests_that_contradict_their_reference_are_named(tmp_path: Path) -> None:
    rows = [
        changed(HUMAN_EVAL, canonical_solution="    return r\n"),
        changed(APPS, solutions='["print(7)"]'),
        changed(MBPP, test_list=["assert larger(object(), 1)"]),
        changed(MBPP, test_list=["assert larger(1, 2) == smaller(1, 2)"]),
        CONTESTS,
    ]
    with pytest.raises(UsageError, match="4 of 5 rows") as error:
        opened(tmp_path, *rows)
    for said in (
        "line 1 (HumanEval/x): its tests contradict its reference: assert 1: wrong answer",
        "test 1: wrong answer / input: / 1 2 / expected output: / 3 / output: / 7",
        "line 3 (MBPP/7): the tests call larger with a object",
        "NameError: name 'smaller' is not defined",
    ):
        assert said in str(error.value)
    kept = opened(tmp_path, *rows, bad_rows="drop")
    assert [p.name for p in kept.problems] == ["1_A. Doubles"]
    assert len(kept.dropped) == 4


def test_data_without_any_problem_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no problem at all"):
        opened(tmp_path, {"question": "?"}, bad_rows="drop")


def test_rows_as_they_are_published(tmp_path: Path) -> None:
    """Fields that were met in the data sets' own rows, beyond those that every shape needs."""
    sanitized = {"source_file": "x", "task_id": 2, "prompt": "Larger.", "test_imports": []}
    sanitized |= {"code": MBPP["code"], "test_list": MBPP["test_list"][:1]}
    taco = changed(APPS, problem_id=None, name=None, starter_code="", difficulty="VERY_HARD")
    taco |= {"raw_tags": "['math']", "time_limit": "1.0 seconds", "url": None, "picture_num": "0"}
    lines = {"inputs": [["1 2", ""]], "outputs": [["3"]]}
    rows = [sanitized, taco, changed(APPS, input_output=json.dumps(lines))]
    rows += [changed(CONTESTS, difficulty=level) for level in (0, 6, 7)]
    found = opened(tmp_path, *rows, verify=False).problems
    assert found[0].suite.names == ("larger",)
    assert [p.difficulty for p in found] == [None, 5, 2, None, None, 7]
    assert found[2].suite.hidden[0]["stdin"] == "1 2\n"
    with pytest.raises(UsageError, match="no input_output"):  # hundreds of APPS' rows
        opened(tmp_path, changed(APPS, input_output=""), verify=False)


def test_without_a_proof_rows_are_trusted(tmp_path: Path) -> None:
    wrong = changed(APPS, solutions='["print(7)"]')
    assert opened(tmp_path, wrong, verify=False).problems[0].reference == "print(7)"


@pytest.mark.usefixtures("boxes")
async def test_a_row_without_a_reference_has_no_oracle(tmp_path: Path) -> None:
    data = written(tmp_path, changed(APPS, solutions="[]"))
    async with envgym.make("code/python-v1", data=data) as env:
        await env.reset(options={"split": "all", "index": 0})
        with pytest.raises(UsageError, match="no reference"):
            await anext(env.oracle())


def test_splits_are_the_datas_own_where_it_has_some(tmp_path: Path) -> None:
    rows = [changed(APPS, split="train"), changed(CONTESTS, split="train")]
    found = opened(tmp_path, *rows, verify=False)
    assert len(found.split("train")) == len(found.split("all")) == 2
    with pytest.raises(UsageError, match="no test rows"):
        found.split("test")


def test_published_data_sets(tmp_path: Path) -> None:
    """A folder in a data set's layout stands in for a name: the library reads both alike."""
    pytest.importorskip("datasets")
    folder = tmp_path / "set"
    folder.mkdir()
    for split, row in (("train", MBPP), ("test", changed(MBPP, task_id=8))):
        (folder / f"{split}.jsonl").write_text(json.dumps(row) + "\n")
    found = Problems.open(Source(str(folder), verify=False))
    assert [t.data["name"] for t in found.split("train")] == ["MBPP/7"]
    assert [t.data["name"] for t in found.split("test")] == ["MBPP/8"]
    with pytest.raises(UsageError, match="does not load"):
        Problems.open(Source(str(tmp_path / "nowhere")))


def test_missing_files_and_splits(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no file"):
        Problems.open(Source("nowhere.jsonl"))
    (tmp_path / "bad.json").write_text("{not json")
    with pytest.raises(UsageError, match="line 1"):
        Problems.open(Source(str(tmp_path / "bad.json")))
    with pytest.raises(UsageError, match="no split"):
        opened(tmp_path, APPS, verify=False).split("dev")


def test_what_stands_before_a_program_leaves_imports_from_the_future_in_front(
    tmp_path: Path,
) -> None:
    (problem,) = opened(tmp_path, HUMAN_EVAL, verify=False).problems
    code = "from __future__ import annotations\ndef area(r: Undefined): return half(r)\n"
    program = problem.program(code)
    assert program.startswith("from __future__ import annotations\nimport math\n")
    assert program.endswith("def area(r: Undefined): return half(r)\n")
    compile(program, "program", "exec")


def test_human_eval_is_read_whole() -> None:
    found = Problems.open(Source(str(data_file("humaneval/HumanEval.jsonl.gz")), verify=False))
    assert len(found.problems) == 164
    assert sum(bool(p.suite.public) for p in found.problems) > 60
    helpers = {"decode_cyclic": "encode_cyclic", "decode_shift": "encode_shift"}
    given = {p.suite.entry_point: p.preamble for p in found.problems}
    assert all(f"def {helper}" in given[entry] for entry, helper in helpers.items())
