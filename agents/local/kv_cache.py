"""KV cache: keys and values of every session, in one preallocated block per layer.

A session owns a slot (the first axis) for as long as it lives, so a turn continues where the last
one stopped without moving anything, and a batch of neighbouring slots is read as one strided view.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch

_FIRST_SLOTS = 8
_FIRST_COLUMNS = 128


class LayerShape(NamedTuple):
    """Heads and head sizes of one layer's cache."""

    heads: int
    key_dim: int
    value_dim: int


class SlotCache:
    """KV cache: per layer, `keys` and `values` of `[slots, heads, columns, head_dim]`.

    Both axes grow by doubling. Memory starts as zeros, because a masked column still takes part
    in the weighted sum of values with weight 0, and 0 · NaN of uninitialised memory is NaN.

    Args:
        shapes: One per layer.
        max_slots: Maximum number of slots.
        max_columns: Maximum number of columns.
        dtype: Type of keys and values.
        device: Device of keys and values.
    """

    def __init__(
        self,
        shapes: Sequence[LayerShape],
        *,
        max_slots: int,
        max_columns: int,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        self._max_slots = max_slots
        self._max_columns = max_columns
        self._shapes = list(shapes)
        self._nothing = torch.zeros(0, dtype=dtype, device=device)
        self.free()

    def free(self) -> None:
        """Drop all memory; slots and columns have to be reserved again."""
        self._slots = 0
        self._columns = 0
        empty = self._nothing.new_zeros
        self.keys = [empty(0, s.heads, 0, s.key_dim) for s in self._shapes]
        self.values = [empty(0, s.heads, 0, s.value_dim) for s in self._shapes]

    def reserve(self, slots: int, columns: int) -> None:
        """Allocate at least `slots` slots of at least `columns` columns."""
        if slots <= self._slots and columns <= self._columns:
            return
        new_slots = _grown(max(self._slots, _FIRST_SLOTS), slots, self._max_slots)
        new_columns = _grown(max(self._columns, _FIRST_COLUMNS), columns, self._max_columns)
        for store in (self.keys, self.values):
            for layer, old in enumerate(store):
                new = old.new_zeros(new_slots, old.shape[1], new_columns, old.shape[3])
                new[: self._slots, :, : self._columns] = old
                store[layer] = new
        self._slots, self._columns = new_slots, new_columns

    def write(
        self,
        layer: int,
        slots: torch.Tensor,
        columns: torch.Tensor,
        keys: torch.Tensor,
        values: torch.Tensor,
    ) -> None:
        """Store `[tokens, heads, head_dim]` keys and values at each token's slot and column."""
        self.keys[layer][slots, :, columns] = keys
        self.values[layer][slots, :, columns] = values

    def copy_prefix(self, source: int, targets: Sequence[int], columns: int) -> None:
        """Copy the first `columns` columns of slot `source` to every slot of `targets`."""
        index = torch.tensor(list(targets), device=self.keys[0].device)
        for store in (self.keys, self.values):
            for tensor in store:
                tensor[index, :, :columns] = tensor[source, :, :columns]

    def clear(self, slot: int) -> None:
        """Zero a slot, so that no non-finite number reaches its next session."""
        if slot < self._slots:
            for tensor in (*self.keys, *self.values):
                tensor[slot].zero_()


def _grown(size: int, needed: int, limit: int) -> int:
    while size < needed:
        size *= 2
    return min(size, limit)
