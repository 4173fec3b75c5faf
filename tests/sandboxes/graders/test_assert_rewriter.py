from __future__ import annotations

import pytest

from envgym.errors import UsageError
from envgym.sandboxes.graders.assert_rewriter import rewrite


def counts(source: str) -> tuple[list[int], list[int], set[int]]:
    """Passes and failures by site, and the required sites, of a run."""
    made = rewrite(source)
    passes, failures = [], []
    space = {
        made.hooks[0]: passes.append,
        made.hooks[1]: lambda site, error: failures.append(site),
        made.hooks[2]: lambda: None,
    }
    exec(made.source, space)
    return passes, failures, set(made.required)


def test_each_assert_counts_and_a_failed_one_stops_nothing() -> None:
    assert counts("assert 1\nassert 0, 'no'\nassert 1 / 0\nassert 2") == (
        [0, 3],
        [1, 2],
        {0, 1, 2, 3},
    )


def test_loops_count_every_round_and_have_to_have_one() -> None:
    assert counts("for i in range(3):\n    assert i < 2") == ([0, 0], [0], {0})
    assert counts("for i in []:\n    assert i") == ([], [], {0})


def test_branches_are_not_required() -> None:
    source = "if 0:\n    assert 0\nelse:\n    assert 1\nwhile 0:\n    assert 1\nassert 1"
    assert counts(source) == ([1, 3], [], {3})


def test_a_try_of_the_tests_own_sees_its_assert_fail() -> None:
    source = "try:\n    assert 0\nexcept AssertionError:\n    assert 1\nassert 1"
    assert counts(source) == ([1, 2], [], {2})


def test_a_with_that_waits_for_an_exception_sees_it() -> None:
    source = "import contextlib\nwith contextlib.suppress(ZeroDivisionError):\n    assert 1 / 0\n"
    assert counts(source) == ([], [], set())
    plain = "import contextlib\nwith contextlib.nullcontext() as c:\n    assert 0\nassert 1"
    assert counts(plain) == ([1], [0], {0, 1})


def test_handlers_and_withs_report_what_they_saw() -> None:
    seen: list[str] = []
    made = rewrite(
        "import contextlib, sys\n"
        "try:\n    int('a')\nexcept KeyError:\n    pass\nexcept ValueError:\n    assert 1\n"
        "with contextlib.suppress(KeyError):\n    with open('/dev/null') as f:\n        {}[1]\n"
    )
    error = "type(sys.exc_info()[1]).__name__"
    space = {made.hooks[0]: lambda site: None, "seen": seen}
    exec(f"import sys\ndef {made.hooks[2]}(): seen.append({error})", space)
    exec(made.source, space)
    assert seen == ["ValueError", "KeyError", "KeyError"]


def test_functions_count_where_they_are_called() -> None:
    assert counts("def check(x):\n    assert x\n    assert not x\ncheck(1)") == ([0], [1], {0, 1})


@pytest.mark.parametrize("source", ["assert (", "x = 1", "", "assert 1\0", "(" * 5000])
def test_tests_that_cannot_count_are_refused(source: str) -> None:
    with pytest.raises(UsageError):
        rewrite(source)


def test_the_names_that_count_cannot_be_known_beforehand() -> None:
    assert rewrite("assert 1").hooks != rewrite("assert 1").hooks
