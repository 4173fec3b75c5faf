"""Block allocator: which columns of one flat range each slot of the KV cache holds.

A row's keys and values fill a block, a power of two of columns that starts at a multiple of its
width, so memory follows the length of each row, and blocks of one width lie on a grid that
attention reads as one strided batch. A row that outgrows its block moves to one of twice the
width; once free memory is too scattered, too small or far too large, all blocks are laid out
anew, widest first, in a range that fits them.

Nothing here depends on time: the same sequence of needs gives the same blocks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

_UNIT = 128  # columns of the smallest block
_SPARE = 1 / 8  # of the blocks' columns: room for rows that come or move before the next layout
_EXCESS = 1 / 4  # of the needed blocks' columns: more room than this is given back


class Block(NamedTuple):
    """Columns `start` to `start + width` of the range."""

    start: int
    width: int


class Move(NamedTuple):
    """The first `columns` columns of `source` have to be copied to `target`."""

    source: Block
    target: Block
    columns: int


@dataclass(frozen=True)
class Relocation:
    """Changes to make in the memory behind the blocks.

    Attributes:
        moves: Copies; with `resized`, of every block whose content is kept.
        created: New blocks, whose memory holds what others left there.
        resized: The range is a new one, of `BlockTable.columns` columns.
    """

    moves: list[Move]
    created: list[Block]
    resized: bool


class BlockTable:
    """Block of each slot.

    Attributes:
        columns: Size of the range.
        blocks: By slot.
    """

    def __init__(self) -> None:
        self.columns = 0
        self.blocks: dict[int, Block] = {}
        self._needs: Mapping[int, int] = {}

    def drop(self, slot: int) -> None:
        """Give up a slot's block and its content; a slot without one is no error."""
        self.blocks.pop(slot, None)

    def fit(self, needs: Mapping[int, int]) -> Relocation | None:
        """Hold a block for exactly these slots, each of at least so many columns.

        A slot's content, up to the columns it needed so far, moves with it.

        Returns:
            The copies to make; `None` where no block changed.
        """
        blocks = self.blocks
        if needs.keys() == blocks.keys() and all(
            0 < n <= blocks[s].width for s, n in needs.items()
        ):
            self._needs = needs
            return None
        needs = {slot: columns for slot, columns in sorted(needs.items()) if columns}
        kept = {slot: block for slot, block in self.blocks.items() if slot in needs}
        short = [s for s, n in needs.items() if s not in kept or kept[s].width < n]
        before, self._needs = self._needs, needs
        if not short and len(kept) == len(self.blocks):
            return None
        widths = {slot: _width(columns) for slot, columns in needs.items()}
        total = sum(widths.values())
        added = None
        if kept and self.columns <= total + int(total * _EXCESS):
            added = _place(kept.values(), {slot: widths[slot] for slot in short}, self.columns)
        resized = added is None
        if added is None:
            self.columns = _size(total, needs.values())
            widest_first = sorted(widths, key=lambda slot: -widths[slot])
            added = _place((), {slot: widths[slot] for slot in widest_first}, self.columns) or {}
        moves = [
            Move(kept[slot], block, min(before[slot], needs[slot]))
            for slot, block in added.items()
            if slot in kept
        ]
        self.blocks = kept | added
        return Relocation(moves, list(added.values()), resized)


def _width(columns: int) -> int:
    """Width of the smallest block of at least so many columns."""
    return max(1 << (columns - 1).bit_length(), _UNIT)


def _size(total: int, needs: Iterable[int]) -> int:
    """Columns for new blocks of `total`: with spare ones, as long as half of them are needed."""
    needed = sum(max(columns, _UNIT) for columns in needs)
    spare = min(int(total * _SPARE), 2 * needed - total)
    return total + spare // _UNIT * _UNIT


def _place(
    taken: Iterable[Block], widths: Mapping[int, int], columns: int
) -> dict[int, Block] | None:
    """Put blocks, in the order of `widths`, at the first free places; `None` if one has none."""
    used = bytearray(columns // _UNIT)
    for start, width in taken:
        used[start // _UNIT : (start + width) // _UNIT] = b"\1" * (width // _UNIT)
    placed = {}
    for slot, width in widths.items():
        units = width // _UNIT
        at = used.find(bytes(units))
        while at % units and at >= 0:
            at = used.find(bytes(units), at + units - at % units)
        if at < 0:
            return None
        used[at : at + units] = b"\1" * units
        placed[slot] = Block(at * _UNIT, width)
    return placed
