from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from envgym.view.even_sample import evenly


@given(st.integers(0, 400), st.integers(0, 60))
def test_as_many_as_may_be_in_order_with_the_ends(count: int, limit: int) -> None:
    chosen = evenly(count, limit)
    assert len(chosen) == min(count, limit)
    assert chosen == sorted(set(chosen))
    if limit >= 2 and count >= 2:
        assert (chosen[0], chosen[-1]) == (0, count - 1)
        gaps = [b - a for a, b in pairwise(chosen)]
        assert max(gaps) - min(gaps) <= 1


def test_a_single_one_is_the_last() -> None:
    assert evenly(9, 1) == [8]
