"""KV cache: keys and values of every session, in one flat range of columns per layer.

A session owns a slot for as long as it lives, and the slot a block of columns (`blocks`), so a
turn continues where the last one stopped. Blocks of one width that lie side by side are read as
one strided view.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch

from envgym.agents.local.kv.blocks import Block, BlockTable, Relocation


class LayerShape(NamedTuple):
    """Heads and head sizes of one layer's cache."""

    heads: int
    key_dim: int
    value_dim: int


class SlotCache:
    """KV cache: per layer, `keys` and `values` of `[columns * heads, head_dim]`.

    A block of `width` columns is `[heads, width, head_dim]` in memory. Columns that a session did
    not write are zeros or another session's: a masked column still takes part in the weighted sum
    of values with weight 0, and 0 · NaN is NaN, so a block is zeroed when a slot gets it.

    Args:
        shapes: One per layer.
        dtype: Type of keys and values.
        device: Device of keys and values.

    Attributes:
        changes: Number of times that blocks moved.
    """

    def __init__(
        self, shapes: Sequence[LayerShape], *, dtype: torch.dtype, device: torch.device
    ) -> None:
        self.shapes = list(shapes)
        self.device = device
        self.changes = 0
        self._nothing = torch.zeros(0, dtype=dtype, device=device)
        self.free()

    @property
    def nbytes(self) -> int:
        """Bytes of memory held."""
        return sum(tensor.nbytes for tensor in (*self.keys, *self.values))

    def free(self) -> None:
        """Drop all memory; every slot has to be reserved again."""
        self._table = BlockTable()
        self.changes += 1
        empty = self._nothing.new_zeros
        self.keys = [empty(0, shape.key_dim) for shape in self.shapes]
        self.values = [empty(0, shape.value_dim) for shape in self.shapes]

    def reserve(self, columns: Mapping[int, int]) -> None:
        """Hold memory for exactly these slots, each of at least so many columns.

        The content of a slot stays, up to the columns that were reserved for it before. On an
        error, such as memory that ran out, all content is lost as with `free`.
        """
        relocation = self._table.fit(columns)
        if relocation is None:
            return
        self.changes += 1
        try:
            self._relocate(relocation)
        except BaseException:
            self.free()
            raise

    def drop(self, slot: int) -> None:
        """Give up a slot's block and whatever it holds."""
        self._table.drop(slot)

    def block(self, slot: int) -> Block:
        """Block of a reserved slot."""
        return self._table.blocks[slot]

    def index(self, heads: int, slots: Sequence[int], columns: torch.Tensor) -> torch.Tensor:
        """Rows of a layer's tensors, `[slots, heads, n]`, for `columns` `[slots, n]`."""
        return _rows(heads, self._corners([self.block(slot) for slot in slots]), columns)

    def write(
        self, layer: int, index: torch.Tensor, keys: torch.Tensor, values: torch.Tensor
    ) -> None:
        """Store keys and values `[*index.shape, head_dim]` at the rows `index`."""
        where = index.flatten()
        shape = self.shapes[layer]
        self.keys[layer].index_copy_(0, where, keys.reshape(-1, shape.key_dim))
        self.values[layer].index_copy_(0, where, values.reshape(-1, shape.value_dim))

    def read(self, layer: int, index: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Gather keys and values `[*index.shape, head_dim]` of the rows `index`."""
        where = index.flatten()
        keys = self.keys[layer].index_select(0, where)
        values = self.values[layer].index_select(0, where)
        return keys.view(*index.shape, -1), values.view(*index.shape, -1)

    def view(
        self, layer: int, first: Block, count: int, columns: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """View `[count, heads, columns, head_dim]` of `count` blocks side by side, from `first` on.

        Where blocks of another width lie between them, an entry is no session's.
        """
        keys, values = self.keys[layer], self.values[layer]
        heads, key_dim, value_dim = self.shapes[layer]
        start, width = first.start * heads, first.width
        return (
            keys.as_strided(
                (count, heads, columns, key_dim),
                (heads * width * key_dim, width * key_dim, key_dim, 1),
                start * key_dim,
            ),
            values.as_strided(
                (count, heads, columns, value_dim),
                (heads * width * value_dim, width * value_dim, value_dim, 1),
                start * value_dim,
            ),
        )

    def copy_prefix(self, source: int, targets: Sequence[int], columns: int) -> None:
        """Copy the first `columns` columns of slot `source` to every slot of `targets`."""
        span = torch.arange(columns, device=self.device)[None]
        for layer, shape in enumerate(self.shapes):
            keys, values = self.read(layer, self.index(shape.heads, [source], span))
            many = (len(targets), *keys.shape[1:3], -1)
            where = self.index(shape.heads, targets, span)
            self.write(layer, where, keys.expand(many), values.expand(many))

    def _relocate(self, relocation: Relocation) -> None:
        """Make blocks and copy content, layer by layer: only one layer is ever there twice."""
        moves, device = relocation.moves, self.device
        counts = torch.tensor([move.columns for move in moves], dtype=torch.long, device=device)
        copied = sum(move.columns for move in moves)
        before = (counts.cumsum(0) - counts).repeat_interleave(counts, output_size=copied)
        columns = (torch.arange(copied, device=device) - before)[:, None]
        sources = self._corners([move.source for move in moves])
        targets = self._corners([move.target for move in moves])
        sources = sources.repeat_interleave(counts, 1, output_size=copied)
        targets = targets.repeat_interleave(counts, 1, output_size=copied)
        rows = {
            heads: [_rows(heads, corners, columns).flatten() for corners in (sources, targets)]
            for heads in {shape.heads for shape in self.shapes}
        }
        for layer, shape in enumerate(self.shapes):
            source, target = rows[shape.heads]
            for store in (self.keys, self.values):
                content = store[layer].index_select(0, source)
                if relocation.resized:
                    size = self._table.columns * shape.heads
                    store[layer] = store[layer].new_zeros(size, store[layer].shape[1])
                else:
                    for start, width in relocation.created:
                        store[layer][start * shape.heads : (start + width) * shape.heads].zero_()
                store[layer].index_copy_(0, target, content)

    def _corners(self, blocks: Sequence[Block]) -> torch.Tensor:
        """Starts and widths, `[2, blocks]`."""
        pairs = [[block.start for block in blocks], [block.width for block in blocks]]
        return torch.tensor(pairs, dtype=torch.long, device=self.device)


def _rows(heads: int, corners: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """Rows `[blocks, heads, n]` of a layer's tensors, for blocks `[2, blocks]`, `[blocks, n]`."""
    starts, widths = corners[:, :, None, None]
    head = torch.arange(heads, device=columns.device)[:, None]
    return starts * heads + head * widths + columns[:, None]
