"""Thoughts are told from what is said, by every family's marks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envgym.messages import Action
from envgym.parsing.reasoning import MARKS, content, ends_thought, left_open, reasoning_spans


@pytest.mark.parametrize(("opening", "closing"), MARKS)
def test_a_block_is_no_content(opening: str, closing: str) -> None:
    assert content(f"a{opening}b{closing}c{opening}d{closing}e") == "ace"


@pytest.mark.parametrize(("opening", "closing"), MARKS)
def test_a_block_without_its_end_goes_on(opening: str, closing: str) -> None:
    assert content(f"a{opening}b") == "a"


@pytest.mark.parametrize(("opening", "closing"), MARKS)
def test_a_block_that_the_prompt_opened_begins_at_the_start(opening: str, closing: str) -> None:
    assert content(f"b{closing}c") == "c"


@pytest.mark.parametrize(("opening", "closing"), MARKS)
def test_capital_letters_make_no_other_mark(opening: str, closing: str) -> None:
    for form in (str.upper, str.lower):
        assert content(f"a{form(opening)}b{form(closing)}c{form(opening)}d") == "ac"
        assert left_open(f"a{form(opening)}b") == closing
        assert left_open(f"a{form(opening)}b{form(closing)}") is None


def test_a_tag_may_hold_a_space() -> None:
    assert content("<think >a</think >b<Thinking >c</Thinking>d<think >e") == "bd"
    assert left_open("a<think >b") == "</think>"
    assert left_open("a<think >b</think >") is None


def test_an_action_says_its_content() -> None:
    assert Action("<think>5?</think>6").content == "6"


@pytest.mark.parametrize("quotes", ["``", '""', "''"])
def test_a_mark_between_quotes_is_mentioned(quotes: str) -> None:
    for mark in ("<think>", "</think>"):
        text = f"It splits at {quotes[0]}{mark}{quotes[1]}: 5"
        assert content(text) == text
    assert content(f"<think>{quotes[0]}</think>{quotes[1]} b</think>c") == "c"


def test_a_block_in_a_block_goes_on() -> None:
    assert content("<think>a<think>b</think>c</think>d") == "d"
    assert content("<think>a <think> b</think>c") == "c"
    assert content("<think>a</think>b</think>c") == "b</think>c"


def test_the_end_of_a_turn_ends_no_thought() -> None:
    assert content("The answer is 5.<|end|>\n") == "The answer is 5.<|end|>\n"


def test_a_block_left_open_says_its_mark() -> None:
    assert left_open("a<think>b") == "</think>"
    assert left_open("[THINK]b") == "[/THINK]"
    assert left_open("a<think>b</think>") is None
    assert left_open("a</think>") is None
    assert left_open("a `<think>` b") is None


def test_a_line_that_closes_a_thought() -> None:
    assert ends_thought("x = 1\n</think>\n")
    assert not ends_thought("s = '''\n<think>\n</think>\n'''")
    assert not ends_thought("s.split('</think>')")


@given(st.lists(st.sampled_from([m for p in MARKS for m in p] + list("`\"' ab\n"))).map("".join))
def test_spans_are_in_order(text: str) -> None:
    spans = reasoning_spans(text)
    ends = [place for span in spans for place in span]
    assert ends == sorted(ends)
    assert all(0 <= start < end <= len(text) for start, end in spans)
