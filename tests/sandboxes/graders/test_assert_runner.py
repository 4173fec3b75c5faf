"""The tests' side alone, played against answers that no honest harness gives."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from envgym.sandboxes.graders.assert_rewriter import rewrite
from envgym.sandboxes.graders.harness.assert_runner import AssertRunner

OLD = "class Old:\n    def __getitem__(self, i):\n        return total([i]) + 9\n"
ENDINGS = {
    "map": "assert all(map(total, [[1], [2]]))",
    "zip": "assert all(a == b for a, b in zip(map(total, [[1], [2]]), [1, 2]))",
    "filter": "assert list(filter(total, [[1], [2]])) == []",
    "next": "assert next(map(total, [[1]]), 1) == 1",
    "max": "assert max(map(total, [[1]]), default=1) == 1",
    "generator": "assert all(total(x) == 1 for x in [[1]])",
    "for": "wrong = 0\nfor x in map(total, [[2]]):\n    wrong += x != 1\nassert not wrong",
    "old sequence": OLD + "assert all(x == 1 for x in Old())",
    "in an old sequence": OLD + "assert 0 not in Old()",
    "reversed": "class Old:\n    __len__ = lambda self: 1\n    def __getitem__(self, i):\n"
    "        return total([i]) + 9\nassert sum(reversed(Old())) == 0",
    "hasattr": "class Lazy:\n    wrong = property(lambda self: total([1]))\n"
    "assert not hasattr(Lazy(), 'wrong')",
    "getattr": "class Lazy:\n    value = property(lambda self: total([1]))\n"
    "assert getattr(Lazy(), 'value', 1) == 1",
    "mapping": "import collections.abc\nclass Lazy(collections.abc.Mapping):\n"
    "    __len__ = lambda self: 1\n    __iter__ = lambda self: iter([1])\n"
    "    __getitem__ = lambda self, key: total([key])\nassert Lazy().get(1, 1) == 1",
    "async for": "import asyncio\nclass Each:\n    __aiter__ = lambda self: self\n"
    "    async def __anext__(self):\n        return total([1])\n"
    "async def main():\n    return [x async for x in Each()]\nassert asyncio.run(main()) == []",
    "own assert": "def same():\n    try:\n        total([1])\n    except AssertionError:\n"
    "        return True\nassert same()",
    "passed later": "class Lazy:\n    value = property(lambda self: total([1]))\n"
    "assert getattr(Lazy(), 'value', 1) == 1\nassert True",
    "seen too late": "class Lazy:\n    value = property(lambda self: total([1]))\n"
    "found = getattr(Lazy(), 'value', 1)\ntry:\n    raise ValueError\nexcept ValueError:\n"
    "    pass\nassert found == 1",
}
"""Tests that an exception of the solution's would pass, were it taken for an answer."""

FORGED = [
    "StopIteration",
    "StopAsyncIteration",
    "GeneratorExit",
    "IndexError",
    "KeyError",
    "AttributeError",
    "AssertionError",
    "SystemExit",
    "ExceptionGroup",
    "UnicodeDecodeError",
    "BaseException",
    "asyncio.CancelledError",
    "no such name",
]


def passes(tests: str, *answers: dict[str, Any]) -> bool:
    """Whether all asserts hold where the calls of ``total`` are answered so, the last for ever."""
    counted = rewrite(tests)
    runner = AssertRunner()
    program = {"prelude": "", "tests": counted.source, "names": ["total"]}
    program |= {"hooks": counted.hooks, "most": 1000}
    threading.Thread(target=runner._play, args=(program,), daemon=True).start()
    left = list(answers)
    while "call" in (said := runner._asks.get(timeout=10)):
        runner._answers.put(left.pop(0) if len(left) > 1 else left[0])
    held = {site for site, _ in said["passes"]}
    return not said["error"] and not said["failures"] and held >= counted.required


@pytest.mark.parametrize("name", FORGED)
@pytest.mark.parametrize("end", ENDINGS)
def test_no_exception_of_the_solution_ends_a_test(end: str, name: str) -> None:
    assert not passes(ENDINGS[end], {"raised": name, "message": ""})


EXPECTING = [
    "try:\n    total([])\n    assert False\nexcept KIND:\n    pass\n",
    "try:\n    total([])\nexcept Exception as error:\n    found = type(error)\n"
    "assert found is KIND\n",
    "def kind(f, *args):\n    try:\n        f(*args)\n    except Exception as error:\n"
    "        return type(error)\nassert kind(total, []) is KIND\n",
    "import unittest\ncase = unittest.TestCase()\ncase.assertRaises(KIND, total, [])\n",
    "import unittest\ncase = unittest.TestCase()\ncase.assertRaises(KIND, lambda: total([]))\n",
    "import unittest\nwith unittest.TestCase().assertRaises(KIND) as found:\n    total([])\n"
    "assert found.exception.args[0] == 'is empty'\n",
    "import unittest\nwith unittest.TestCase().assertRaisesRegex(KIND, '^.?is empty'):\n"
    "    assert total([]) == 1\n",
    "import pytest\npytest.raises(KIND, total, [])\n",
    "import pytest\nwith pytest.raises(KIND, match='is empty'):\n    total([])\n",
]


@pytest.mark.parametrize("kind", ["ValueError", "IndexError", "KeyError", "AttributeError"])
@pytest.mark.parametrize("expecting", EXPECTING)
def test_tests_may_expect_an_exception(kind: str, expecting: str) -> None:
    tests = expecting.replace("KIND", kind) + "assert total([1]) == 1\n"
    one = {"value": 1}
    assert passes(tests, {"raised": kind, "message": "is empty"}, one)
    assert not passes(tests, one, one)
    for other in ("ZeroDivisionError", "StopIteration", "", "AssertionError", "BaseException"):
        assert not passes(tests, {"raised": other, "message": "is empty"}, one)


def test_an_exception_that_may_be_there_may_be_there() -> None:
    tests = (
        "import contextlib\nwith contextlib.suppress(IndexError):\n    total([])\n"
        "assert total([1]) == 1\n"
    )
    assert passes(tests, {"raised": "IndexError", "message": ""}, {"value": 1})
