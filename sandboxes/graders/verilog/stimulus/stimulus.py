"""Stimulus of a circuit: rows of input bits, drawn from a seed by the host.

The host draws them so that they are the same under every simulator and release, that it can print
the inputs that led to a mismatch, and that a golden circuit's trace can be stored and reused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from envgym.sandboxes.graders.verilog.analysis.ports import Interface
from envgym.sandboxes.graders.verilog.stimulus.input_patterns import (
    CYCLED_PATTERNS,
    InputGenerator,
    Resets,
    bit_offsets,
)
from envgym.sandboxes.graders.verilog.stimulus.stimulus_plan import EXHAUSTIVE_BITS, RESET_ROWS, Run

_PULSE = 1 / 32


@dataclass(frozen=True)
class Stimulus:
    """Rows of input bits; the clock, if there is one, toggles once in each row.

    Attributes:
        rows: One int per row, of ``Interface.width`` bits.
        width: That width.
        waits: Whole clocks that pass unread under a row's inputs before its own half clock, by the
            row's index: a counter's deep states cost no rows.
    """

    rows: tuple[int, ...]
    width: int
    waits: Mapping[int, int] = field(default_factory=dict)

    @cached_property
    def text(self) -> bytes:
        """Rows for ``$readmemh``; waits, if there are any, are their top bits."""
        if not self.waits:
            return "".join([f"{row:x}\n" for row in self.rows]).encode()
        width = max(self.width, 1)
        words = [self.waits.get(n, 0) << width | row for n, row in enumerate(self.rows)]
        return "".join([f"{word:x}\n" for word in words]).encode()

    @property
    def wait_bits(self) -> int:
        """Number of bits of the longest wait."""
        return max(self.waits.values(), default=0).bit_length()

    def then(self, other: Stimulus) -> Stimulus:
        """Append the rows of `other` to these."""
        moved = {len(self.rows) + row: clocks for row, clocks in other.waits.items()}
        return Stimulus(self.rows + other.rows, self.width, {**self.waits, **moved})

    @classmethod
    def random(
        cls, interface: Interface, seed: int, runs: Sequence[Run], *, values: Sequence[int] = ()
    ) -> Stimulus:
        """Draw runs, each beginning with a reset, with input patterns in turn.

        Uniform bits alone hardly ever leave a counter enabled, a FIFO full, or a lock opened: so
        bits are also drawn mostly 0, mostly 1, held for a while, and each input of one bit with a
        bias of its own. Each run resets by another subset of the resets, the first by all. A
        circuit without a clock and of few inputs sees every input.

        Args:
            interface: Interface of the circuit.
            seed: Seed of the rows.
            runs: Plan of the runs; see `fitted` and `alike`.
            values: Numbers that matter to the circuit, such as those in its source: wide inputs
                take them, and their neighbours, now and then.
        """
        draw, resets = InputGenerator(interface, seed, values), Resets(interface)
        rows: list[int] = []
        if not interface.clock and interface.width <= EXHAUSTIVE_BITS:
            rows += range(1 << interface.width)
        for number, run in enumerate(runs):
            rows += _drawn(draw, resets, number, run)
        return cls(tuple(rows), interface.width)

    def show(self, interface: Interface, row: int) -> str:
        """Inputs of a row by name, in hex."""
        at, parts = bit_offsets(interface), []
        for port in interface.driven:
            value = (self.rows[row] >> at[port.name]) & ((1 << port.width) - 1)
            parts.append(f"{port.name}={port.width}'h{value:x}")
        if row in self.waits:
            parts.append(f"(for {self.waits[row]} clocks before)")
        return " ".join(parts)


def _drawn(draw: InputGenerator, resets: Resets, number: int, run: Run) -> list[int]:
    rows = draw.rows(run.pattern, run.rows, run.hold)
    if not resets.subsets:
        return rows
    calm = resets.free if run.after == "free" else resets.none
    given = [calm.put(row) for row in rows]
    if run.after == "pulses":
        for step, row in enumerate(rows):
            if draw.random.random() < _PULSE:
                given[step] = draw.random.choice(resets.subsets).put(row)
    # A reset for half a clock at the end, in either half, meets the states that are reached last.
    late = run.rows - 1 - (number + number // CYCLED_PATTERNS) % 2
    for step in (*range(min(RESET_ROWS, run.rows)), late):
        given[step] = resets.subsets[number % len(resets.subsets)].put(rows[step])
    return given
