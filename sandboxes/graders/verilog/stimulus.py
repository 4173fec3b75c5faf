"""What a circuit is driven with: rows of input bits, drawn from a seed by the host.

The host draws them, so that they are the same under every simulator and release, that it can print
the inputs that led to a mismatch, and that a golden circuit's trace can be kept and used again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from random import Random

from envgym.sandboxes.graders.verilog.interface import Interface, Reset

_EXHAUSTIVE_BITS = 12
_RESET_ROWS = 4  # two clocks, so that a synchronous reset sees its edge
_PULSE = 1 / 32
_MANNERS = 6  # of drawing: uniform, mostly 0, mostly 1, held, and two with biases
_BIASES = (1 / 16, 1 / 4, 3 / 4, 15 / 16)
_BIASED_ROWS = 50
_WIDE = 4  # bits from which on a value is not met by chance soon enough
_NEIGHBOURS = (0, 0, 1, -1)
_MODES = ("pulses", "none", "free")  # what resets do after a sequence's start


@dataclass(frozen=True)
class Stimulus:
    """Rows of input bits; the clock, where there is one, toggles once in each row.

    Attributes:
        rows: One int a row, of ``Interface.width`` bits.
        width: That width.
    """

    rows: tuple[int, ...]
    width: int

    @cached_property
    def text(self) -> bytes:
        """The rows for ``$readmemh``."""
        return "".join([f"{row:x}\n" for row in self.rows]).encode()

    @classmethod
    def random(
        cls,
        interface: Interface,
        seed: int,
        *,
        sequences: int = 20,
        steps: int = 200,
        values: Sequence[int] = (),
    ) -> Stimulus:
        """Sequences that each begin with a reset, of inputs drawn in six manners in turn.

        Uniform bits alone hardly ever leave a counter enabled, a FIFO full, or a lock opened: so
        bits are also drawn mostly 0, mostly 1, held for a while, and each input of one bit with a
        bias of its own. Each sequence resets by another subset of
        the resets, the first by all. After that, of each eighteen sequences, six see short resets
        now and then, six see none, so that deep states are reached, and in six the synchronous
        resets are inputs like others: Yosys calls many an input a reset that is none to its author.
        A circuit without a clock and of few inputs sees every input.

        Args:
            interface: The circuit's.
            seed: Same seed, same rows.
            sequences: How many.
            steps: Rows of each.
            values: Numbers that matter to the circuit, such as those in its source: wide inputs
                take them, and their neighbours, now and then.
        """
        draw = _Drawing(interface, seed, values)
        rows: list[int] = []
        if not interface.clock and interface.width <= _EXHAUSTIVE_BITS:
            rows += range(1 << interface.width)
        resets = _Resets(interface)
        for sequence in range(sequences):
            rows += _sequence(draw, sequence, steps, resets)
        return cls(tuple(rows), interface.width)

    def show(self, interface: Interface, row: int) -> str:
        """A row's inputs by name, in hex."""
        left = self.width
        parts = []
        for port in interface.driven:
            left -= port.width
            value = (self.rows[row] >> left) & ((1 << port.width) - 1)
            parts.append(f"{port.name}={port.width}'h{value:x}")
        return " ".join(parts)


class _Resets:
    """The resets' bits in a row."""

    def __init__(self, interface: Interface) -> None:
        place = interface.width
        places = {}
        for port in interface.driven:
            place -= port.width
            places[port.name] = 1 << place
        self._bits = {reset: places[reset.name] for reset in interface.resets}
        self._free = sum(bit for reset, bit in self._bits.items() if reset.synchronous)
        every = interface.resets
        sizes = range(len(every), 0, -1)
        self.subsets = [subset for size in sizes for subset in combinations(every, size)]
        self.subsets = self.subsets[:64]

    def put(self, row: int, active: tuple[Reset, ...]) -> int:
        """The row with these resets active and the others not."""
        for reset, bit in self._bits.items():
            high = reset.active_high == (reset in active)
            row = row | bit if high else row & ~bit
        return row

    def put_asynchronous(self, row: int) -> int:
        """The row with the asynchronous resets inactive, and the others as they are in it."""
        return row & self._free | self.put(row, ()) & ~self._free


class _Drawing:
    """Rows of inputs, drawn in several manners."""

    def __init__(self, interface: Interface, seed: int, values: Sequence[int]) -> None:
        self.random = Random(seed)
        self._width = interface.width
        self._values = tuple(values)
        self._bits: list[int] = []
        self._wide: list[tuple[int, int]] = []
        self._biases: list[float] = []
        place = interface.width
        for port in interface.driven:
            place -= port.width
            if port.width == 1:
                self._bits.append(1 << place)
            elif port.width >= _WIDE and values:
                self._wide.append((place, (1 << port.width) - 1))

    def bias(self) -> None:
        """Draw anew how often each input of one bit is 1."""
        self._biases = [self.random.choice(_BIASES) for _ in self._bits]

    def row(self, manner: int, before: int) -> int:
        """A row; `before` is the one before it."""
        if not self._width:
            return 0
        draw = self.random
        bits = draw.getrandbits(self._width)
        if manner == 1:
            return bits & draw.getrandbits(self._width) & draw.getrandbits(self._width)
        if manner == 2:
            return bits | draw.getrandbits(self._width) | draw.getrandbits(self._width)
        if manner == 3 and draw.random() < 0.75:
            return before
        if manner >= 4:
            for mask, often in zip(self._bits, self._biases, strict=True):
                bits = bits | mask if draw.random() < often else bits & ~mask
            for place, mask in self._wide:
                if draw.random() < 0.5:
                    value = draw.choice(self._values) + draw.choice(_NEIGHBOURS)
                    bits = bits & ~(mask << place) | (value & mask) << place
        return bits


def _sequence(draw: _Drawing, number: int, steps: int, resets: _Resets) -> list[int]:
    subset = resets.subsets[number % len(resets.subsets)] if resets.subsets else ()
    manner, mode = number % _MANNERS, _MODES[number // _MANNERS % len(_MODES)]
    # A reset for half a clock at the end, in either half, meets the states that are reached last.
    late = 1 + (number + number // _MANNERS) % 2
    rows, row = [], 0
    for step in range(steps):
        if step % _BIASED_ROWS == 0:
            draw.bias()
        row = draw.row(manner, row)
        active: tuple[Reset, ...] = ()
        if step < _RESET_ROWS or step == steps - late:
            active = subset
        elif mode == "free":
            rows.append(resets.put_asynchronous(row))
            continue
        elif mode == "pulses" and resets.subsets and draw.random.random() < _PULSE:
            active = draw.random.choice(resets.subsets)
        rows.append(resets.put(row, active))
    return rows
