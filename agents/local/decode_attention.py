"""Attention of one new token per row over the slot cache, without gathering the cache.

A decode step on small models is bound by the bytes of keys and values it touches. The rows of a
batch sit at scattered slots and have different lengths, so one rectangle over all of them reads
much that nobody needs, and gathering them reads everything twice. Instead the batch is cut into
segments of neighbouring slots, each read in place up to its own longest row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn import functional as F

# Bytes of keys and values that take as long to read as one more kernel launch takes to make.
_SPLIT_BYTES = {"cpu": 1 << 18}
_SPLIT_BYTES_ACCELERATOR = 1 << 25


@dataclass(frozen=True)
class Segment:
    """Rows `first:last` of the batch, in slots `low:high`; `high - low` is more with idle slots.

    Attributes:
        spread: The row standing in each slot of the span (an idle slot borrows any), or `None`
            when every slot of it is a row.
        gather: Position of each row in the span; `None` with `spread`.
    """

    first: int
    last: int
    low: int
    high: int
    spread: torch.Tensor | None
    gather: torch.Tensor | None


def split_columns(bytes_per_column: int, device: torch.device) -> int:
    """Number of columns of one slot whose reading costs as much as one more segment."""
    return _SPLIT_BYTES.get(device.type, _SPLIT_BYTES_ACCELERATOR) // bytes_per_column


def plan_segments(
    slots: Sequence[int], lengths: Sequence[int], split: int, device: torch.device
) -> list[Segment]:
    """Cut a batch (ascending slots, columns in use) greedily where a cut saves over `split`."""
    segments = []
    first, width = 0, lengths[0]
    for row in range(1, len(slots) + 1):
        if row < len(slots):
            joined_width = max(width, lengths[row])
            joined = (slots[row] + 1 - slots[first]) * joined_width
            apart = (slots[row - 1] + 1 - slots[first]) * width + split + lengths[row]
            if joined <= apart:
                width = joined_width
                continue
        segments.append(_segment(slots, first, row, device))
        if row < len(slots):
            first, width = row, lengths[row]
    return segments


def _segment(slots: Sequence[int], first: int, last: int, device: torch.device) -> Segment:
    low, high = slots[first], slots[last - 1] + 1
    if high - low == last - first:
        return Segment(first, last, low, high, None, None)
    gather = [slot - low for slot in slots[first:last]]
    spread = [first] * (high - low)
    for row, place in enumerate(gather, start=first):
        spread[place] = row
    return Segment(
        first,
        last,
        low,
        high,
        torch.tensor(spread, device=device),
        torch.tensor(gather, device=device),
    )


def decode_masks(
    segments: Sequence[Segment], positions: Sequence[int], columns: torch.Tensor, dtype: torch.dtype
) -> list[torch.Tensor]:
    """Make the additive mask `[slots, 1, 1, width]` of each segment; its width bounds the reading.

    Args:
        positions: The column of each row's new token.
        columns: The positions as a tensor `[rows]`.
    """
    width = max(positions) + 1
    beyond = torch.arange(width, device=columns.device) > columns[:, None]
    mask = torch.zeros(beyond.shape, dtype=dtype, device=columns.device)
    mask.masked_fill_(beyond, float("-inf"))
    masks = []
    for part in segments:
        columns_in_use = max(positions[part.first : part.last]) + 1
        rows = mask[part.first : part.last] if part.spread is None else mask[part.spread]
        masks.append(rows[:, None, None, :columns_in_use])
    return masks


def decode_attention(
    query: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    segments: Sequence[Segment],
    masks: Sequence[torch.Tensor],
    scale: float,
) -> torch.Tensor:
    """Attend from `[rows, kv_heads, queries_per_kv_head, head_dim]` to one layer's cache.

    The query heads that share a key head stand where a sequence of queries usually stands, so
    grouped-query attention needs no repeated keys.

    Returns:
        `[rows, query_heads * head_dim]`.
    """
    parts = []
    for part, mask in zip(segments, masks, strict=True):
        width = mask.shape[-1]
        asked = query[part.first : part.last] if part.spread is None else query[part.spread]
        out = F.scaled_dot_product_attention(
            asked,
            keys[part.low : part.high, :, :width],
            values[part.low : part.high, :, :width],
            attn_mask=mask,
            scale=scale,
        )
        parts.append(out if part.gather is None else out[part.gather])
    joined = parts[0] if len(parts) == 1 else torch.cat(parts)
    return joined.reshape(query.shape[0], -1)
