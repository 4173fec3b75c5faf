"""Search of text for copies of a task's gold answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envgym.rollout.hidden_text import find_copied, find_whole, golds
from envgym.task import Task

GOLD = "for i in range(n): total += values[i] * weights[i]"
SHORT = Task({"q": "Who?"}, {"answer": "Ada L"})


def copied(text: str, task: Task = SHORT, share: float = 0.5, chars: int = 20) -> list[str]:
    return list(find_copied(task, text, share, chars))


def test_a_whole_answer_is_copied_whatever_its_length() -> None:
    assert copied("It is ADA  l, I think.") == ["Ada L"]
    assert copied("It is Adam Lee.") == []


def test_runs_count_from_the_limits_on() -> None:
    """50 characters: half are 25, of which 20 are the limit."""
    task = Task({"q": "Sum."}, {"solution": GOLD})
    assert copied(f"Try {GOLD[:20]} first.", task) == [GOLD]
    assert copied(f"Try {GOLD[:18]}! first.", task) == []
    assert copied(f"Try {GOLD[:24]}! first.", task, chars=99) == []
    assert copied(f"Try {GOLD[:25]}! first.", task, chars=99) == [GOLD]


def test_runs_that_the_task_shows_do_not_count() -> None:
    shown = Task({"q": f"Finish: {GOLD[:30]}"}, {"solution": GOLD})
    assert copied(f"Begin with {GOLD[:30]}.", shown) == []
    assert copied(f"End with {GOLD[-25:]}.", shown) == [GOLD]


@given(st.text("abc", max_size=30), st.text("abc", min_size=4, max_size=20))
def test_a_hint_is_copied_exactly_where_the_longest_common_run_is_too_long(
    text: str, gold: str
) -> None:
    longest = max(
        (j - i for i in range(len(gold)) for j in range(i, len(gold) + 1) if gold[i:j] in text),
        default=0,
    )
    limit = max(8, min(10, -(-len(gold) // 2)))
    found = copied(text, Task({}, {"answer": gold}), 0.5, 10)
    assert (found == [gold]) is (longest >= limit or text == gold)


def test_a_flag_is_no_gold_and_thousands_may_be_apart() -> None:
    assert golds(Task({}, {"answer": True})) == set()
    number = golds(Task({}, {"answer": 1234567}))
    assert list(find_whole(number, ["It is 1,234,567."])) == ["1234567"]
    assert list(find_whole(["1000"], ["[1000,200,300]"])) == ["1000"]
    assert list(find_whole(number, ["11,234,567"])) == []


@pytest.mark.parametrize(
    ("gold", "text", "found"),
    [
        ("3.50", "It costs 3.5 crowns.", True),
        ("12.5", "It costs 12.500.", True),
        ("1234.50", "It costs 1,234.5.", True),
        ("3.00", "Take 3 of them.", False),
        ("3.00", "It is 3.0.", True),
        ("3.50", "13.5 and 3.55 are others.", False),
        ("3.05", "It is 3.5.", False),
    ],
)
def test_zeros_at_the_end_of_decimals_do_not_count(gold: str, text: str, found: bool) -> None:
    assert list(find_whole([gold], [text])) == [gold] * found
