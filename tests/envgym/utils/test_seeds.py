"""Derived seeds: the numbers of recorded runs, in range, apart from each other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envgym.utils.seeds import derive_seed, indexed_seed


def test_numbers_that_recorded_runs_rest_on() -> None:
    assert derive_seed(7, "g/0", 1, "agent", 2) == 71194745852265097
    assert derive_seed("0:12", 3, bits=48) == 220629316064117
    assert indexed_seed(2, 5) == 200011


@given(st.lists(st.integers() | st.text(st.characters(exclude_categories=["Cs"]))))
def test_seeds_are_the_same_each_time_and_in_range(parts: list[int | str]) -> None:
    for bits in (8, 48, 56):
        assert derive_seed(*parts, bits=bits) == derive_seed(*parts, bits=bits) < 2**bits


@pytest.mark.parametrize("bits", [48, 56])
def test_neighbours_differ(bits: int) -> None:
    seeds = {derive_seed(a, b, bits=bits) for a in range(100) for b in range(100)}
    assert len(seeds) == 10_000
