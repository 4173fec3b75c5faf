"""Keys and values of live sessions: one slot a session in one preallocated block a layer.

Slots stay put for the whole episode, so a turn only adds the tokens that are new. Full slots evict
the session that has been idle longest; it is computed again when it comes back.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass
class Session:
    """What is cached of one session.

    Attributes:
        ids: The token ids whose keys and values stand in the slot, in order.
        slot: Row of the cache, or None.
        used: When it last ran; smaller is longer ago.
        busy: Whether a generation of it is in flight (it cannot be evicted then).
    """

    ids: list[int] = field(default_factory=list)
    slot: int | None = None
    used: int = 0
    busy: bool = False
    group: str | None = None


class SlotCache:
    """[layers] × [rows, kv_heads, capacity, head_dim], growing by doubling.

    Args:
        layers, heads, head_dim: Shape of the model's keys and values.
        max_rows: Most sessions held at once.
        max_context: Most tokens a session may have.
    """

    def __init__(
        self,
        layers: int,
        heads: int,
        head_dim: int,
        max_rows: int,
        max_context: int,
        like: Tensor,
    ) -> None:
        self.max_rows = max_rows
        self.max_context = max_context
        rows, capacity = min(16, max_rows), min(256, max_context)
        shape = (rows, heads, capacity, head_dim)
        self.keys = [like.new_zeros(shape) for _ in range(layers)]
        self.values = [like.new_zeros(shape) for _ in range(layers)]
        self._free = list(range(rows - 1, -1, -1))

    @property
    def rows(self) -> int:
        """Slots allocated now."""
        return self.keys[0].shape[0]

    @property
    def capacity(self) -> int:
        """Tokens a slot holds now."""
        return self.keys[0].shape[2]

    def take(self) -> int | None:
        """A free slot, the lowest there is; None when all are taken."""
        if not self._free and self.rows < self.max_rows:
            rows = min(2 * self.rows, self.max_rows)
            self._free = list(range(rows - 1, self.rows - 1, -1))
            self._grow(rows, self.capacity)
        return self._free.pop() if self._free else None

    def give_back(self, slot: int) -> None:
        """Make a slot free again."""
        self._free.append(slot)
        self._free.sort(reverse=True)

    def reserve(self, tokens: int) -> None:
        """Make room for `tokens` in every slot."""
        capacity = self.capacity
        while capacity < tokens:
            capacity = min(2 * capacity, self.max_context)
        if capacity > self.capacity:
            self._grow(self.rows, capacity)

    def copy(self, source: int, target: int, tokens: int) -> None:
        """Copy the first `tokens` of one slot to another."""
        for block in (*self.keys, *self.values):
            block[target, :, :tokens] = block[source, :, :tokens]

    def _grow(self, rows: int, capacity: int) -> None:
        for blocks in (self.keys, self.values):
            for i, old in enumerate(blocks):
                new = old.new_zeros((rows, old.shape[1], capacity, old.shape[3]))
                new[: old.shape[0], :, : old.shape[2]] = old
                blocks[i] = new


def common_prefix(a: list[int], b: list[int]) -> int:
    """Length of the longest common prefix."""
    n = min(len(a), len(b))
    if a[:n] == b[:n]:
        return n
    low, high = 0, n  # a[:low] == b[:low], a[:high] != b[:high]
    while high - low > 1:
        middle = (low + high) // 2
        if a[low:middle] == b[low:middle]:
            low = middle
        else:
            high = middle
    return low


def stack_pad(rows: list[list[int]], device: torch.device) -> Tensor:
    """Lists of ids as one right-padded tensor [B, T]."""
    width = max(map(len, rows))
    return torch.tensor([row + [0] * (width - len(row)) for row in rows], device=device)
