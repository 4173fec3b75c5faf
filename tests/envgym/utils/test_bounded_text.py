"""Bounded text: short texts stay whole, long ones keep their ends and say their length."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from envgym.utils.bounded_text import bounded_end, bounded_middle, bounded_start

TEXTS = st.text("abc\n… é", max_size=60)
SIZES = st.integers(0, 60)


def test_examples() -> None:
    assert bounded_start("abcdef", 2) == "ab… (6 characters)"
    assert bounded_end("abcdef", 2) == "(6 characters) …ef"
    assert bounded_middle("abcdefgh", 3) == "ab\n… 5 characters left out …\nh"
    assert bounded_middle("abcdefgh", 4, head=1) == "ab\n… 4 characters left out …\ngh"


@given(TEXTS, SIZES)
def test_texts_within_the_bound_stay_whole(text: str, more: int) -> None:
    most = len(text) + more
    for bounded in (bounded_start, bounded_end, bounded_middle):
        assert bounded(text, most) == text


@given(TEXTS, SIZES, st.integers(1, 3), st.integers(0, 3))
def test_longer_ones_keep_no_more_than_the_bound(
    text: str, most: int, head: int, tail: int
) -> None:
    if len(text) <= most:
        return
    assert bounded_start(text, most) == f"{text[:most]}… ({len(text)} characters)"
    end = bounded_end(text, most)
    assert text.endswith(end.partition(" characters) …")[2])
    assert len(end) == len(f"({len(text)} characters) …") + most
    middle = bounded_middle(text, most, head=head, tail=tail)
    left_out = next(
        int(found[1])
        for found in re.finditer(r"\n… (\d+) characters left out …\n", middle)
        if middle[: found.start()] + middle[found.end() :]
        == text[: found.start()] + text[len(text) - (len(middle) - found.end()) :]
    )
    kept = len(middle) - len(f"\n… {left_out} characters left out …\n")
    assert kept + left_out == len(text)
    assert most - 1 <= kept <= most
