"""Rows of LiveCodeBench, LeetCodeDataset and DeepCoder: what they hold, judged from both sides."""

from __future__ import annotations

import base64
import json
import pickle
import zlib
from pathlib import Path
from typing import Any

import pytest

import envgym
from envgym.environments.code.data.dataset import Problems, Source
from tests.environments.code.conftest import scored, written

ECHO, CONSTANT = "print(input())", "print(1)"
IO = [{"input": "1\n", "output": "1\n", "testtype": "stdin"}]
OTHER = [{"input": "2\n", "output": "2\n", "testtype": "stdin"}]
CALLS = [
    {"input": "[1, 2]\n3", "output": "[1, 2, 3]", "testtype": "functional"},
    {"input": "[]\n4", "output": "[4]", "testtype": "functional"},
]
STARTER = "class Solution:\n    def add(self, a: List[int], b: int) -> List[int]:\n        "
ADD = f"{STARTER}return a + [b]\n"
ADD_WRONG = f"{STARTER}return [b] + a\n"


def packed(tests: Any) -> str:
    return base64.b64encode(zlib.compress(pickle.dumps(json.dumps(tests)))).decode()


def live_code_bench(public: Any, private: Any, **fields: Any) -> dict[str, Any]:
    return {
        "question_title": "Echo",
        "question_content": "Print it.",
        "platform": "atcoder",
        "question_id": "abc_1",
        "starter_code": "",
        "difficulty": "medium",
        "public_test_cases": json.dumps(public),
        "private_test_cases": private,
        "metadata": "{}",
        **fields,
    }


@pytest.mark.usefixtures("boxes")
@pytest.mark.parametrize("private", [json.dumps(OTHER), packed(OTHER)])
async def test_live_code_bench_programs(tmp_path: Path, private: str) -> None:
    row = live_code_bench(IO, private)
    assert await scored(tmp_path, row, ECHO, CONSTANT) == [1.0, 0.0]
    (problem,) = Problems.open(Source(written(tmp_path, row))).problems
    assert (problem.name, problem.difficulty) == ("abc_1", 2)
    assert problem.suite.public == ({"stdin": "1\n", "expected": "1\n"},)
    assert len(problem.suite.hidden) == 1


@pytest.mark.usefixtures("boxes")
async def test_live_code_bench_methods(tmp_path: Path) -> None:
    metadata = json.dumps({"func_name": "add"})
    row = live_code_bench(CALLS[:1], packed(CALLS), metadata=metadata, starter_code=STARTER)
    assert await scored(tmp_path, row, ADD, ADD_WRONG) == [1.0, 0.0]
    del row["metadata"]
    with pytest.raises(envgym.UsageError, match="nothing in it says which one"):
        Problems.open(Source(written(tmp_path, row)))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"public_test_cases": "[]", "private_test_cases": "[]"}, "no tests"),
        ({"private_test_cases": "?"}, "neither JSON nor packed"),
        ({"private_test_cases": '{"inputs": ["1"], "outputs": []}'}, "as many outputs"),
        ({"private_test_cases": '[{"input": "1"}]'}, "no output"),
        ({"private_test_cases": "[1]"}, "list of objects"),
        ({"private_test_cases": json.dumps(CALLS)}, "some of its tests are calls"),
    ],
)
def test_rows_without_usable_tests_are_named(
    tmp_path: Path, fields: dict[str, str], message: str
) -> None:
    row = live_code_bench(IO, "[]") | fields
    with pytest.raises(envgym.UsageError, match=f"line 1: .*{message}"):
        Problems.open(Source(written(tmp_path, row), verify=False))


PROMPT = """from typing import *
from collections import *

class ListNode:
    def __init__(self, val=0, next=None):
        self.val = val
        self.next = next

def list_node(values: list):
    head = None
    for value in reversed(values):
        head = ListNode(value, head)
    return head

def is_same_list(p, q):
    return p is q is None or bool(p and q and p.val == q.val and is_same_list(p.next, q.next))

class TreeNode:
    def __init__(self, val=0, left=None, right=None):
        self.val = val
        self.left = left
        self.right = right

def is_same_tree(p, q):
    if not p or not q:
        return p is q
    return p.val == q.val and is_same_tree(p.left, q.left) and is_same_tree(p.right, q.right)
"""
SUM = """class Solution:
    def add(self, a: List[int], b: int = 0) -> int:
        return sum(a) + b
"""
REVERSE = """class Solution:
    def turned(self, head: Optional[ListNode]) -> Optional[ListNode]:
        last = None
        while head:
            head.next, last, head = last, head, head.next
        return last
"""
MIRROR = """class Solution:
    def mirrored(self, root: Optional[TreeNode]) -> Optional[TreeNode]:
        if root:
            root.left, root.right = self.mirrored(root.right), self.mirrored(root.left)
        return root
"""
LEETCODE: dict[str, tuple[str, str, str]] = {
    "add": (SUM, SUM.replace("+ b", "- b"), "candidate(a=[1, 2], b=3) == 6\ncandidate([]) == 0"),
    "turned": (
        REVERSE,
        REVERSE.replace("return last", "return head"),
        "is_same_list(candidate(head=list_node([1, 2, 3])), list_node([3, 2, 1]))\n"
        "candidate(head=list_node([])) is None\n"
        "is_same_list(candidate(list_node([7])), list_node([7]))",
    ),
    "mirrored": (
        MIRROR,
        MIRROR.replace("self.mirrored(root.right), self.mirrored(root.left)", "root.right, None"),
        "is_same_tree(candidate(TreeNode(1, TreeNode(2, None, TreeNode(4)), TreeNode(3))),"
        " TreeNode(1, TreeNode(3), TreeNode(2, TreeNode(4))))\n"
        "candidate(None) == None",
    ),
}


def leetcode(method: str, **fields: Any) -> dict[str, Any]:
    completion, _, asserts = LEETCODE[method]
    lines = "".join(f"    assert {line}\n" for line in asserts.splitlines())
    return {
        "task_id": method,
        "question_id": 1,
        "difficulty": "Easy",
        "problem_description": "Do it.",
        "starter_code": completion.split("\n        ")[0],
        "prompt": PROMPT,
        "entry_point": f"Solution().{method}",
        "test": f"def check(candidate):\n{lines}",
        "completion": completion,
        "query": "You are asked.",
        **fields,
    }


@pytest.mark.usefixtures("boxes")
@pytest.mark.parametrize("method", LEETCODE)
async def test_leetcode_rows(tmp_path: Path, method: str) -> None:
    right, wrong, _ = LEETCODE[method]
    assert await scored(tmp_path, leetcode(method), right, wrong, "") == [1.0, 0.0, 0.0]


@pytest.mark.usefixtures("boxes")
@pytest.mark.parametrize("method", LEETCODE)
async def test_leetcode_rows_without_a_reference(tmp_path: Path, method: str) -> None:
    right, wrong, _ = LEETCODE[method]
    row = leetcode(method, completion="")
    assert await scored(tmp_path, row, right, wrong) == [1.0, 0.0]


@pytest.mark.usefixtures("boxes")
async def test_leetcode_statements_and_public_tests(tmp_path: Path) -> None:
    async with envgym.make("code/python-v1", data=written(tmp_path, leetcode("add"))) as env:
        seen, _ = await env.reset(options={"split": "all"})
        assert "def add(self" in seen.text
        assert "from collections import *" in seen.text
        assert "assert candidate(a=[1, 2], b=3) == 6" in seen.text
        assert "candidate([])" not in seen.text
        step = await env.step(envgym.Action.call("test", code=SUM))
        assert step.observation.text == "1 of 1 tests passed."
        step = await env.step(envgym.Action.call("run", code="print(Counter([1]))"))
        assert "Counter({1: 1})" in step.observation.text


@pytest.mark.usefixtures("boxes")
def test_nodes_in_a_circle_are_named(tmp_path: Path) -> None:
    test = "def check(candidate):\n    n = ListNode(1)\n    n.next = n\n    assert candidate(n)\n"
    with pytest.raises(envgym.UsageError, match="nodes in a circle"):
        Problems.open(Source(written(tmp_path, leetcode("turned", test=test))))


PLUS = "def f(x):\n    return x + 1\n"
DEEPCODER: dict[str, tuple[dict[str, Any], str, str]] = {
    "taco": (
        {
            "tests": json.dumps({"inputs": ["1\n", "2\n"], "outputs": ["1\n", "2\n"]}),
            "solutions": [f"```python\n{ECHO}\n```"],
        },
        ECHO,
        CONSTANT,
    ),
    "taco calls": (
        {
            "tests": {"fn_name": "f", "inputs": [[1], [2]], "outputs": [[2], [3]]},
            "solutions": json.dumps([PLUS]),
        },
        PLUS,
        "def f(x):\n    return 2 * x\n",
    ),
    "primeintellect": (
        {
            "tests": json.dumps(
                [{"type": "stdin_stdout", "input": n, "output": n} for n in ("1\n", "2\n")]
            )
        },
        ECHO,
        CONSTANT,
    ),
    "primeintellect calls": (
        {
            "tests": json.dumps(
                [
                    {"type": "function_call", "fn_name": "f", "input": [n], "output": n + 1}
                    for n in (1, 5)
                ]
            )
        },
        "class Solution:\n    def f(self, x):\n        return x + 1\n",
        "def f(x):\n    return 2\n",
    ),
    "lcbv5": (
        {
            "tests": json.dumps([{**one, "metadata": {"func_name": "add"}} for one in CALLS]),
            "starter_code": STARTER,
        },
        ADD,
        ADD_WRONG,
    ),
    "lcbv5 with metadata": (
        {"tests": json.dumps(CALLS), "metadata": {"func_name": "add"}, "starter_code": STARTER},
        ADD,
        ADD_WRONG,
    ),
    "codeforces": (
        {"tests": json.dumps([{"input": n, "output": n} for n in ("1\n", "2\n")])},
        ECHO,
        CONSTANT,
    ),
}


@pytest.mark.usefixtures("boxes")
@pytest.mark.parametrize("part", DEEPCODER)
async def test_deepcoder_rows(tmp_path: Path, part: str) -> None:
    fields, right, wrong = DEEPCODER[part]
    row = {"problem": "Solve it.", **fields}
    assert await scored(tmp_path, row, right, wrong) == [1.0, 0.0]


def test_a_function_that_nothing_else_names_is_named(tmp_path: Path) -> None:
    row = {"problem": "Solve it.", **DEEPCODER["primeintellect calls"][0]}
    (problem,) = Problems.open(Source(written(tmp_path, row), verify=False)).problems
    assert problem.statement.endswith("Write the function f.")
