"""Input patterns: rows of input bits drawn in several ways, and the resets in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from itertools import combinations, islice
from random import Random
from typing import NamedTuple

from envgym.sandboxes.graders.verilog.analysis.ports import Interface, Reset


class Pattern(IntEnum):
    """Pattern of the rows of one run; `narrow` inputs have fewer than four bits."""

    UNIFORM = 0  # every bit is 0 or 1 with equal chance
    MOSTLY_0 = 1  # every bit is 1 with a chance of 1/8
    MOSTLY_1 = 2  # every bit is 1 with a chance of 7/8
    HELD = 3  # the row before is repeated with a chance of 3/4
    BIASED = 4  # every bit of a narrow input has a bias, redrawn every 50 rows
    BIASED_AGAIN = 5  # the same, so that two of six runs are drawn so
    STEADY = 6  # narrow inputs are held: by turns all of them flip, or one of them
    SERIAL = 7  # one narrow input is sent a known value bit by bit, one bit per clock


CYCLED_PATTERNS = 6
"""The first six patterns take turns; `Run` names the other two where a circuit needs them."""
_BIASES = 4  # 1/16, 1/4, 3/4 and 15/16
_BIASED_ROWS = 50
_WIDE = 4  # bits; an input this wide rarely takes a given value by chance
_CORNERS = (0, -1)
_NEIGHBOURS = (0, 0, 1, -1)
_WORD = 8  # smallest number sent serially: random bits produce smaller ones soon


class InputGenerator:
    """Generator of rows of inputs.

    Args:
        values: Numbers that wide inputs take, and their neighbours, now and then, beside all zeros
            and all ones. Narrow inputs are sent them serially.
    """

    def __init__(self, interface: Interface, seed: int, values: Sequence[int]) -> None:
        self.random = Random(seed)
        self._width = interface.width
        self._values = (*_CORNERS, *values)
        self._words = [value for value in values if value >= _WORD]
        bits = bit_offsets(interface)
        ports = [port for port in interface.driven if port.width >= _WIDE]
        self._wide = [(bits[port.name], (1 << port.width) - 1) for port in ports]
        self._narrow = [
            1 << bits[port.name] + bit
            for port in interface.driven
            if port.width < _WIDE
            for bit in range(port.width)
        ]

    def rows(self, pattern: Pattern, count: int, hold: int = 1) -> list[int]:
        """Draw rows of a pattern; for `hold` see `Run`."""
        width, bits = self._width, self.random.getrandbits
        if not width:
            return [0] * count
        if pattern == Pattern.MOSTLY_0:
            return [bits(width) & bits(width) & bits(width) for _ in range(count)]
        if pattern == Pattern.MOSTLY_1:
            return [bits(width) | bits(width) | bits(width) for _ in range(count)]
        if pattern == Pattern.HELD:
            row = 0
            return [row := row if bits(2) else bits(width) for _ in range(count)]
        if pattern > Pattern.HELD:
            if pattern == Pattern.STEADY:
                drawn = self._steady(count, hold)
            elif pattern == Pattern.SERIAL and self._words and self._narrow:
                drawn = islice(self._serial(), count)
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

    def _serial(self) -> Iterator[int]:
        draw, every = self.random, sum(self._narrow)
        while True:
            word, bit = draw.choice(self._words), draw.choice(self._narrow)
            still = draw.getrandbits(self._width) & every & ~bit
            digits = [word >> n & 1 for n in range(word.bit_length() + draw.randrange(2))]
            for digit in digits if draw.randrange(2) else digits[::-1]:
                for _ in range(2):
                    yield draw.getrandbits(self._width) & ~every | still | bit * digit

    def _biased(self, count: int) -> Iterator[int]:
        """Draw each bit of a narrow input with a bias, redrawn periodically."""
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


class ResetLevels(NamedTuple):
    """Levels of the resets in a row."""

    ones: int
    keep: int

    def put(self, row: int) -> int:
        """The row with these levels."""
        return row & self.keep | self.ones


class Resets:
    """Bits of the resets in a row.

    Attributes:
        subsets: Levels with each subset active and the others not, all together first.
        none: Levels with none active.
        free: Levels with no asynchronous reset active, the others as they are in the row.
    """

    def __init__(self, interface: Interface) -> None:
        at = bit_offsets(interface)
        self._bits = {reset: 1 << at[reset.name] for reset in interface.resets}
        every = interface.resets
        sizes = range(len(every), 0, -1)
        subsets = [subset for size in sizes for subset in combinations(every, size)]
        self.subsets = [self._levels(every, subset) for subset in subsets[:64]]
        self.none = self._levels(every, ())
        self.free = self._levels([reset for reset in every if not reset.synchronous], ())

    def _levels(self, put: Iterable[Reset], active: Sequence[Reset]) -> ResetLevels:
        ones, keep = 0, -1
        for reset in put:
            keep &= ~self._bits[reset]
            if reset.active_high == (reset in active):
                ones |= self._bits[reset]
        return ResetLevels(ones, keep)


def bit_offsets(interface: Interface) -> dict[str, int]:
    """Lowest bit of each driven input in a row."""
    left, found = interface.width, {}
    for port in interface.driven:
        left -= port.width
        found[port.name] = left
    return found
