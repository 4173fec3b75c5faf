"""Rows of input bits in several manners, and what resets are in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from random import Random
from typing import NamedTuple

from envgym.sandboxes.graders.verilog.interface import Interface, Reset

MANNERS = 6
"""Of drawing, in turn: uniform, mostly 0, mostly 1, held, and two with a bias for each input."""
MOSTLY_0, MOSTLY_1, HELD = 1, 2, 3
STEADY, OPPOSITE = 6, 7
"""Two more: inputs of one bit stay as they are, as drawn once, and the other way round."""
_BIASES = 4  # 1/16, 1/4, 3/4 and 15/16
_BIASED_ROWS = 50
_WIDE = 4  # bits from which on a value is not met by chance soon enough
_CORNERS = (0, -1)
_NEIGHBOURS = (0, 0, 1, -1)


class Drawing:
    """Rows of inputs, drawn in several manners.

    Args:
        values: Numbers that wide inputs take, and their neighbours, now and then; all zeros and all
            ones they take anyway.
    """

    def __init__(self, interface: Interface, seed: int, values: Sequence[int]) -> None:
        self.random = Random(seed)
        self._width = interface.width
        self._values = (*_CORNERS, *values)
        bits = places(interface)
        ports = [port for port in interface.driven if port.width >= _WIDE]
        self._wide = [(bits[port.name], (1 << port.width) - 1) for port in ports]
        self._single = [1 << bits[port.name] for port in interface.driven if port.width == 1]
        self._steady = self.random.getrandbits(max(1, self._width))

    def rows(self, manner: int, count: int) -> list[int]:
        """So many rows, one after another."""
        width, bits = self._width, self.random.getrandbits
        if not width:
            return [0] * count
        if manner == MOSTLY_0:
            return [bits(width) & bits(width) & bits(width) for _ in range(count)]
        if manner == MOSTLY_1:
            return [bits(width) | bits(width) | bits(width) for _ in range(count)]
        if manner == HELD:
            row = 0
            return [row := row if bits(2) else bits(width) for _ in range(count)]
        if manner > HELD:
            drawn = self._still(manner, count) if manner >= STEADY else self._biased(count)
            return [self._valued(row) for row in drawn]
        return [bits(width) for _ in range(count)]

    def _still(self, manner: int, count: int) -> Iterator[int]:
        ones, keep = sum(self._single), ~sum(self._single)
        ones &= self._steady if manner == STEADY else ~self._steady
        for _ in range(count):
            yield self.random.getrandbits(self._width) & keep | ones

    def _biased(self, count: int) -> Iterator[int]:
        """Each input of one bit with a bias, drawn anew now and then."""
        width, bits = self._width, self.random.getrandbits
        for row in range(count):
            if row % _BIASED_ROWS == 0:
                biased = [0] * _BIASES
                for bit in self._single:
                    biased[self.random.randrange(_BIASES)] |= bit
                rarely, seldom, often, nearly = biased
                others = ~sum(biased)
            a, b, c, d = bits(width), bits(width), bits(width), bits(width)
            both, either = a & b, a | b
            single = both & c & d & rarely | both & seldom | either & often
            yield a & others | single | (either | c | d) & nearly

    def _valued(self, row: int) -> int:
        """The row with some of its wide inputs at one of the values."""
        draw = self.random
        for place, mask in self._wide:
            if draw.random() < 0.5:
                value = draw.choice(self._values) + draw.choice(_NEIGHBOURS)
                row = row & ~(mask << place) | (value & mask) << place
        return row


class Levels(NamedTuple):
    """What resets are in a row."""

    ones: int
    keep: int

    def put(self, row: int) -> int:
        """The row with them."""
        return row & self.keep | self.ones


class Resets:
    """The resets' bits in a row.

    Attributes:
        subsets: Levels of each subset active and all others not, all together first.
        none: None active.
        free: No asynchronous one active, the others as they are in the row.
    """

    def __init__(self, interface: Interface) -> None:
        at = places(interface)
        self._bits = {reset: 1 << at[reset.name] for reset in interface.resets}
        every = interface.resets
        sizes = range(len(every), 0, -1)
        subsets = [subset for size in sizes for subset in combinations(every, size)]
        self.subsets = [self._levels(every, subset) for subset in subsets[:64]]
        self.none = self._levels(every, ())
        self.free = self._levels([reset for reset in every if not reset.synchronous], ())

    def _levels(self, put: Iterable[Reset], active: Sequence[Reset]) -> Levels:
        ones, keep = 0, -1
        for reset in put:
            keep &= ~self._bits[reset]
            if reset.active_high == (reset in active):
                ones |= self._bits[reset]
        return Levels(ones, keep)


def places(interface: Interface) -> dict[str, int]:
    """The lowest bit of each driven input in a row."""
    left, found = interface.width, {}
    for port in interface.driven:
        left -= port.width
        found[port.name] = left
    return found
