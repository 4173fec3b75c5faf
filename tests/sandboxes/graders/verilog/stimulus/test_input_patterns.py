"""Input patterns do what their names say, and keep to their bits."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envgym.sandboxes.graders.verilog import Interface, Port, Reset
from envgym.sandboxes.graders.verilog.stimulus.input_patterns import (
    InputGenerator,
    Pattern,
    Resets,
    bit_offsets,
)

FACE = Interface(
    "m",
    (Port("clk"), Port("rst"), Port("a"), Port("set_n"), Port("d", 8), Port("b")),
    (Port("q"),),
    clock="clk",
    resets=(Reset("rst", synchronous=True), Reset("set_n", active_high=False)),
)
AT = bit_offsets(FACE)


def _ones(rows: list[int], name: str) -> float:
    return sum(row >> AT[name] & 1 for row in rows) / len(rows)


def test_a_row_holds_the_first_input_leftmost_and_no_clock() -> None:
    assert AT == {"rst": 11, "a": 10, "set_n": 9, "d": 1, "b": 0}


@given(
    st.lists(st.integers(1, 40), max_size=5),
    st.sampled_from(Pattern),
    st.integers(0, 120),
    st.lists(st.integers(0, 1 << 70), max_size=3),
)
def test_rows_have_no_bits_but_the_inputs(
    widths: list[int], pattern: Pattern, count: int, values: list[int]
) -> None:
    ports = tuple(Port(f"i{n}", width) for n, width in enumerate(widths))
    face = Interface("m", ports, (Port("q"),))
    rows = InputGenerator(face, 0, values).rows(pattern, count)
    assert len(rows) == count
    assert all(0 <= row < 1 << face.width for row in rows)
    assert rows == InputGenerator(face, 0, values).rows(pattern, count)


@pytest.mark.parametrize(
    ("pattern", "least", "most"), [(Pattern.UNIFORM, 0.4, 0.6), (Pattern.MOSTLY_0, 0.05, 0.2)]
)
def test_how_often_a_bit_is_one(pattern: Pattern, least: float, most: float) -> None:
    rows = InputGenerator(FACE, 0, ()).rows(pattern, 1000)
    assert all(least < _ones(rows, name) < most for name in AT)


def test_mostly_1_is_mostly_0_turned_round() -> None:
    assert all(
        _ones(InputGenerator(FACE, 0, ()).rows(Pattern.MOSTLY_1, 1000), name) > 0.8 for name in AT
    )


def test_held_rows_come_again() -> None:
    rows = InputGenerator(FACE, 0, ()).rows(Pattern.HELD, 1000)
    same = sum(a == b for a, b in itertools.pairwise(rows))
    assert 0.7 < same / 999 < 0.8


def test_each_input_of_one_bit_has_a_bias_for_a_while() -> None:
    draw = InputGenerator(FACE, 0, ())
    rates = {round(_ones(draw.rows(Pattern.BIASED, 50), "a") * 16) for _ in range(200)}
    assert min(rates) <= 1
    assert max(rates) >= 15
    assert {3, 4, 5, 11, 12, 13} <= rates


def test_wide_inputs_take_known_values_and_corners() -> None:
    rows = InputGenerator(FACE, 0, (0x5A,)).rows(Pattern.BIASED_AGAIN, 1000)
    met = [row >> AT["d"] & 0xFF for row in rows]
    for value in (0x00, 0xFF, 0x01, 0xFE, 0x59, 0x5A, 0x5B):
        assert met.count(value) > 20


def _held(rows: list[int], hold: int, every: int) -> list[int]:
    levels = [{row & every for row in rows[n : n + hold]} for n in range(0, len(rows), hold)]
    assert all(len(level) == 1 for level in levels)
    return [level.pop() for level in levels]


def test_steady_inputs_stay_then_turn_round_all_or_one() -> None:
    rows = InputGenerator(FACE, 0, ()).rows(Pattern.STEADY, 400, 50)
    every = sum(1 << AT[name] for name in ("rst", "a", "set_n", "b"))
    held = _held(rows, 50, every)
    turned = [a ^ b for a, b in itertools.pairwise(held)]
    assert set(turned[::2]) == {every}
    assert all(bits.bit_count() == 1 for bits in turned[1::2])
    assert len({row >> AT["d"] & 0xFF for row in rows[:50]}) > 20


def test_two_steady_inputs_have_all_four_levels() -> None:
    face = Interface("m", (Port("op", 2), Port("d", 8)), (Port("q"),))
    for seed in range(10):
        rows = InputGenerator(face, seed, ()).rows(Pattern.STEADY, 40, 10)
        assert len(set(_held(rows, 10, 3 << 8))) == 4


def test_known_values_are_spelled_on_one_input_in_either_order() -> None:
    face = Interface("m", (Port("a"), Port("b")), (Port("q"),))
    rows = InputGenerator(face, 0, (3, 0x5A)).rows(Pattern.SERIAL, 2000)
    for place in (0, 1):
        bits = "".join(str(row >> place & 1) for row in rows[::2])
        assert bits.count("1011010") > 5
        assert bits.count("0101101") > 5
    assert rows[::2] == rows[1::2]
    assert (
        len(InputGenerator(face, 0, ()).rows(Pattern.SERIAL, 10)) == 10
    )  # nothing to spell: biased


def test_levels_of_resets() -> None:
    resets = Resets(FACE)
    everything = (1 << FACE.width) - 1
    rst, set_n = 1 << AT["rst"], 1 << AT["set_n"]
    both, first, second = (levels.put(everything) for levels in resets.subsets)
    assert (both & rst, both & set_n) == (rst, 0)
    assert (first & rst, first & set_n) == (rst, set_n)
    assert (second & rst, second & set_n) == (0, 0)
    assert (resets.none.put(0), resets.none.put(everything)) == (set_n, everything & ~rst)
    assert (resets.free.put(0), resets.free.put(rst)) == (set_n, rst | set_n)
