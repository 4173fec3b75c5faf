"""Levels of hints: order, leaks, shares; and what the hints of every environment keep to."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

import envgym
from envgym import Action, Task
from envgym.environments.graded_hints import agreement, call_text, counted, graded, shares
from tests.environments.played import attempted, recorded

TASK = Task({}, {"answer": "walnut"})
CALL = Action.call("say", word="hi")


def test_hints_stand_in_order_once_and_without_the_gold() -> None:
    attempt = recorded((CALL, ["no"]))
    found = graded(TASK, attempt, "look", "not that", ["look", "It is Walnut!", "", "near wal…"])
    assert found == ("Hint: look", "Hint: not that", "Hint: near wal…")
    assert graded(TASK, None, "look", "not that", []) == ("Hint: look",)
    attempt.score = 1.0
    assert graded(TASK, attempt, "look", "not that", []) == ("Hint: look",)


@pytest.mark.parametrize(
    ("attempt", "told"),
    [
        (recorded((Action("Hm."), [])), ["no message held a tool call, so nothing was done."]),
        (
            recorded((CALL, ["Error: no\n such word"])),
            ["every call was refused, the last one so: Error: no such word"],
        ),
        (recorded((CALL, ["Error: no"]), (CALL, ["yes"])), []),
        (recorded(), []),
    ],
)
def test_a_misuse_of_the_tools_is_told(attempt: envgym.Episode, told: list[str]) -> None:
    assert [*graded(TASK, attempt, "", "", [])] == [f"Hint: {text}" for text in told]


@given(st.integers(0, 50), st.lists(st.floats(0, 1), max_size=4))
def test_shares_never_give_all(count: int, parts: list[float]) -> None:
    found = shares(count, *parts)
    assert found == sorted(set(found))
    assert all(1 <= number < count for number in found)
    assert bool(found) == (count > 1 and bool(parts))


def test_shares_by_hand() -> None:
    assert shares(8, 0.25, 0.5, 1.0) == [2, 4, 7]
    assert shares(2, 0.25, 0.5, 1.0) == [1]
    assert shares(1, 0.5) == []


@given(st.text(max_size=8), st.text(max_size=8))
def test_agreement_is_the_longest_common_beginning(one: str, other: str) -> None:
    same = agreement(one, other)
    assert one[:same] == other[:same]
    assert one[same : same + 1] != other[same : same + 1] or same == len(one) == len(other)


def test_calls_are_named_as_they_are_made() -> None:
    assert call_text("move", directions='a "b"…') == 'move(directions="a \\"b\\"…")'
    assert (counted(1, "move"), counted(0, "move")) == ("1 move", "0 moves")


@pytest.mark.parametrize(
    "id",
    [
        "puzzles/frozen-lake-v1",
        "puzzles/key-door-v1",
        "puzzles/knights-v1",
        "puzzles/math-v1",
        "puzzles/np-v1",
        "puzzles/sokoban-v1",
        "puzzles/strings-v1",
    ],
)
async def test_feedback_is_the_second_level_and_the_rest_stays(id: str) -> None:
    told = set()
    async with envgym.make(id) as env:
        for seed in range(4):
            await env.reset(seed=seed)
            task = env.task
            plan, *cues = env.hints()
            for near in list(env.near_misses())[:8]:
                attempt = await attempted(env, task, *near)
                if attempt.score == 1:  # another path than the oracle's may lead to the goal too
                    continue
                hints = env.hints(attempt)
                if attempt.score == 0:
                    assert (hints[0], *hints[2:]) == (plan, *cues)
                    told.add(hints[1])
                hidden = [v for v in task.hidden.values() if isinstance(v, str) and len(v) > 3]
                assert not any(value in hint for value in hidden for hint in hints)
                assert json.dumps(hints)
    assert len(told) > 1  # it differs by the attempt
