"""Rows of input bits in several manners, and what resets are in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations, islice
from random import Random
from typing import NamedTuple

from envgym.sandboxes.graders.verilog.analysis.ports import Interface, Reset

MANNERS = 6
"""Of drawing, in turn: uniform, mostly 0, mostly 1, held, and two with a bias for each bit of a
narrow input."""
UNIFORM, MOSTLY_0, MOSTLY_1, HELD, *BIASED = range(MANNERS)
STEADY, SPELLED = MANNERS, MANNERS + 1
"""Two more: narrow inputs stay for long, then all turn round, then one does, and so on; and one of
them after the other is given a known value bit by bit, one in each clock."""
_BIASES = 4  # 1/16, 1/4, 3/4 and 15/16
_BIASED_ROWS = 50
_WIDE = 4  # bits from which on a value is not met by chance soon enough
_CORNERS = (0, -1)
_NEIGHBOURS = (0, 0, 1, -1)
_WORD = 8  # numbers from which on they are spelled: random bits meet the others soon


class Drawing:
    """Rows of inputs, drawn in several manners.

    Args:
        values: Numbers that wide inputs take, and their neighbours, now and then; all zeros and all
            ones they take anyway. Narrow ones spell them.
    """

    def __init__(self, interface: Interface, seed: int, values: Sequence[int]) -> None:
        self.random = Random(seed)
        self._width = interface.width
        self._values = (*_CORNERS, *values)
        self._words = [value for value in values if value >= _WORD]
        bits = places(interface)
        ports = [port for port in interface.driven if port.width >= _WIDE]
        self._wide = [(bits[port.name], (1 << port.width) - 1) for port in ports]
        self._narrow = [
            1 << bits[port.name] + bit
            for port in interface.driven
            if port.width < _WIDE
            for bit in range(port.width)
        ]

    def rows(self, manner: int, count: int, hold: int = 1) -> list[int]:
        """So many rows, one after another; see `Run.hold`."""
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
            if manner == STEADY:
                drawn = self._steady(count, hold)
            elif manner == SPELLED and self._words and self._narrow:
                drawn = islice(self._spelled(), count)
            else:
                drawn = self._biased(count)
            return [self._valued(row) for row in drawn]
        return [bits(width) for _ in range(count)]

    def _steady(self, count: int, hold: int) -> Iterator[int]:
        every = sum(self._narrow)
        still = self.random.getrandbits(self._width) & every
        for row in range(count):
            if every and row and row % hold == 0:
                turned = every if row // hold % 2 else self.random.choice(self._narrow)
                still ^= turned
            yield self.random.getrandbits(self._width) & ~every | still

    def _spelled(self) -> Iterator[int]:
        draw, every = self.random, sum(self._narrow)
        while True:
            word, bit = draw.choice(self._words), draw.choice(self._narrow)
            still = draw.getrandbits(self._width) & every & ~bit
            digits = [word >> n & 1 for n in range(word.bit_length() + draw.randrange(2))]
            for digit in digits if draw.randrange(2) else digits[::-1]:
                for _ in range(2):
                    yield draw.getrandbits(self._width) & ~every | still | bit * digit

    def _biased(self, count: int) -> Iterator[int]:
        """Each bit of a narrow input with a bias, drawn anew now and then."""
        width, bits = self._width, self.random.getrandbits
        for row in range(count):
            if row % _BIASED_ROWS == 0:
                biased = [0] * _BIASES
                for bit in self._narrow:
                    biased[self.random.randrange(_BIASES)] |= bit
                rarely, seldom, often, nearly = biased
                others = ~sum(biased)
            a, b, c, d = bits(width), bits(width), bits(width), bits(width)
            both, either = a & b, a | b
            narrow = both & c & d & rarely | both & seldom | either & often
            yield a & others | narrow | (either | c | d) & nearly

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
