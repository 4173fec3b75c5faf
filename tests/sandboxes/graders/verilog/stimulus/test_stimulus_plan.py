"""A stimulus as long as its circuit needs."""

from __future__ import annotations

from envgym.sandboxes.graders.verilog import Interface, Port, alike, fitted
from envgym.sandboxes.graders.verilog.stimulus.input_patterns import CYCLED_PATTERNS, Pattern
from tests.sandboxes.graders.verilog.designs import ADDER, COUNTER

WIDE = Interface("m", (Port("clk"), Port("d", 512)), (Port("q", 512),), clock="clk")
LATCH = Interface("m", (Port("g"), Port("d")), (Port("q"),))


def _wide(bits: int) -> Interface:
    return Interface("m", (Port("a", bits),), (Port("y"),))


def _rows(interface: Interface, state: int | None = None, share: int = 1) -> int:
    return sum(run.rows for run in fitted(interface, state, share=share))


def test_eighteen_runs_go_through_all_kinds() -> None:
    assert len({(run.pattern, run.after) for run in alike(18, 8)}) == 18
    assert [run.pattern for run in alike(7, 8)] == [*range(CYCLED_PATTERNS), 0]
    for state in (0, 1, 40):
        kinds = {(run.pattern, run.after) for run in fitted(COUNTER, state)}
        assert len(kinds & {(run.pattern, run.after) for run in alike(18, 8)}) == 18


def test_rows_grow_with_what_a_circuit_holds() -> None:
    assert {run.rows for run in fitted(ADDER, 0)} == {24}  # beside each input once
    assert {run.rows for run in fitted(_wide(13), 0)} == {50}
    assert {run.pattern for run in fitted(ADDER, 0)} == set(range(CYCLED_PATTERNS))
    toggle = Interface("m", (Port("clk"),), (Port("q"),), clock="clk")
    sizes = [_rows(toggle, state) for state in range(1, 14)]
    assert sizes == sorted(sizes)
    assert (sizes[0], sizes[-1]) == (24 * 24 + 4 * 12, 18 * 40 + 6 * 384 + 4 * 272 + 2 * 2064)


def test_a_counter_is_let_count_round() -> None:
    """At two rows a clock, beside the resets that a run begins and ends with."""
    for state, counts, hold in ((4, True, 40), (8, True, 520), (10, True, 2056), (40, True, 2064)):
        *_, steady = fitted(COUNTER, state, counts=counts)
        assert (steady.pattern, steady.hold) == (Pattern.STEADY, hold)
        assert steady.rows >= 2 * hold
    *_, steady = fitted(COUNTER, 10, counts=False)
    assert steady == (Pattern.STEADY, "none", 4 * 272, 272)


def test_where_nobody_counted_a_clock_means_much_state() -> None:
    assert fitted(COUNTER) == fitted(COUNTER, 16) == fitted(COUNTER, 4000)
    assert fitted(LATCH) == fitted(LATCH, 0)
    assert fitted(LATCH, 1) != fitted(LATCH, 0)


def test_wide_and_slow_circuits_are_driven_less() -> None:
    assert _rows(WIDE, 512) < 700 < 7000 < _rows(COUNTER)
    assert _rows(COUNTER, 4, share=5) < _rows(COUNTER, 4) / 4
    assert min(run.rows for run in fitted(WIDE, 512, share=125)) == 8


def test_a_wide_circuit_is_let_come_to_an_end() -> None:
    """A multiplier or a hash of 64 rounds: a start, then 64 clocks without one."""
    steady = [run for run in fitted(WIDE, 512, counts=False) if run.pattern == Pattern.STEADY]
    assert [(run.rows, run.hold) for run in steady] == [(320, 160)]
    face = Interface("m", (Port("clk"), Port("d", 64)), (Port("q", 64),), clock="clk")
    steady = [run for run in fitted(face, 512, counts=False) if run.pattern == Pattern.STEADY]
    assert [(run.rows, run.hold) for run in steady] == [(4 * run.hold, run.hold) for run in steady]
