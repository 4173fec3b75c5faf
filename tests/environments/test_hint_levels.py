"""Figures by level of hints: the follower makes the named calls, and more hints help it."""

from __future__ import annotations

from functools import partial

import envgym
from envgym.environments.graded_hints import call_text
from scripts.hint_followers import GUESSES, HintFollower, named_calls
from scripts.hint_levels import levels


def test_the_calls_of_the_strongest_hint_are_followed() -> None:
    calls = [call_text("take", key='the "red"'), call_text("go", way="left")]
    told = f"Hint: begin with {calls[0]}.\nHint: begin with {', then '.join(calls)}.\nHint: go on."
    assert named_calls(told) == [("take", "key", 'the "red"'), ("go", "way", "left")]
    assert named_calls("Hint: halve the range.") == []


async def test_success_grows_with_the_hints_shown() -> None:
    for id, least in (("puzzles/key-door-v1", 0.8), ("puzzles/knights-v1", 0.6)):
        assert id in GUESSES
        row = await levels(partial(envgym.make, id), HintFollower(), tasks=30, concurrency=8)
        assert row[0][0] < 0.4
        assert row[-1][0] >= least
        assert all(0 <= error < 0.1 for _, error in row)
