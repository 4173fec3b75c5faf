"""Thoughts are told from what is said, by every family's marks."""

from __future__ import annotations

import pytest

from envgym.messages import Action
from envgym.reasoning import MARKS, content


@pytest.mark.parametrize(("opening", "closing"), MARKS)
def test_a_block_is_no_content(opening: str, closing: str) -> None:
    assert content(f"a{opening}b{closing}c{opening}d{closing}e") == "ace"


@pytest.mark.parametrize(("opening", "closing"), MARKS)
def test_a_block_without_its_end_goes_on(opening: str, closing: str) -> None:
    assert content(f"a{opening}b") == "a"


@pytest.mark.parametrize(("opening", "closing"), MARKS)
def test_a_block_that_the_prompt_opened_begins_at_the_start(opening: str, closing: str) -> None:
    assert content(f"b{closing}c") == "c"


def test_an_action_says_its_content() -> None:
    assert Action("<think>5?</think>6").content == "6"
