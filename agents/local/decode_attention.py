"""Attention of one new token per row over the KV cache, without gathering the cache.

A decode step on small models is bound by the bytes of keys and values it touches. The rows of a
batch sit in scattered blocks and have different lengths, so one rectangle over all of them reads
much that nobody needs, and gathering them reads everything twice. Instead the batch is cut into
segments of neighbouring blocks of one width, each read in place up to its own longest row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn import functional as F

from envgym.agents.local.kv.blocks import Block
from envgym.agents.local.kv.cache import SlotCache

# Bytes of keys and values that take as long to read as one more kernel launch takes to make.
_SPLIT_BYTES = {"cpu": 1 << 18}
_SPLIT_BYTES_ACCELERATOR = 1 << 25


@dataclass(frozen=True)
class Segment:
    """Rows `first:last` of the batch, in `count` blocks side by side; `count` is more with gaps.

    Attributes:
        block: The first of the blocks.
        spread: The row standing in each block of the span (a gap borrows any), or `None` when
            every block of it is a row's.
        gather: Position of each row in the span; `None` with `spread`.
    """

    first: int
    last: int
    block: Block
    count: int
    spread: torch.Tensor | None
    gather: torch.Tensor | None


def split_columns(bytes_per_column: int, device: torch.device) -> int:
    """Number of columns of one row whose reading costs as much as one more segment."""
    return _SPLIT_BYTES.get(device.type, _SPLIT_BYTES_ACCELERATOR) // bytes_per_column


def plan_segments(
    blocks: Sequence[Block], lengths: Sequence[int], split: int, device: torch.device
) -> list[Segment]:
    """Cut a batch (columns in use of each block) greedily where a cut saves over `split`.

    Args:
        blocks: By width, then start: see `reading_order`.
    """
    segments = []
    first, width = 0, lengths[0]
    for row in range(1, len(blocks) + 1):
        if row < len(blocks) and blocks[row].width == blocks[first].width:
            joined_width = max(width, lengths[row])
            joined = _count(blocks[first], blocks[row]) * joined_width
            apart = _count(blocks[first], blocks[row - 1]) * width + split + lengths[row]
            if joined <= apart:
                width = joined_width
                continue
        segments.append(_segment(blocks, first, row, device))
        if row < len(blocks):
            first, width = row, lengths[row]
    return segments


def reading_order(blocks: Sequence[Block]) -> list[int]:
    """Order of a batch's rows in which neighbours can share a segment."""
    return sorted(range(len(blocks)), key=lambda row: (blocks[row].width, blocks[row].start))


def _count(first: Block, last: Block) -> int:
    """Number of blocks from one to another of its width, both included."""
    return (last.start - first.start) // first.width + 1


def _segment(blocks: Sequence[Block], first: int, last: int, device: torch.device) -> Segment:
    block, count = blocks[first], _count(blocks[first], blocks[last - 1])
    if count == last - first:
        return Segment(first, last, block, count, None, None)
    gather = [_count(block, other) - 1 for other in blocks[first:last]]
    spread = [first] * count
    for row, place in enumerate(gather, start=first):
        spread[place] = row
    return Segment(
        first,
        last,
        block,
        count,
        torch.tensor(spread, device=device),
        torch.tensor(gather, device=device),
    )


def decode_masks(
    segments: Sequence[Segment], positions: Sequence[int], columns: torch.Tensor, dtype: torch.dtype
) -> list[torch.Tensor]:
    """Make the additive mask `[count, 1, 1, width]` of each segment; its width bounds the reading.

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
    cache: SlotCache,
    layer: int,
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
        asked = query[part.first : part.last] if part.spread is None else query[part.spread]
        keys, values = cache.view(layer, part.block, part.count, mask.shape[-1])
        out = F.scaled_dot_product_attention(asked, keys, values, attn_mask=mask, scale=scale)
        parts.append(out if part.gather is None else out[part.gather])
    joined = parts[0] if len(parts) == 1 else torch.cat(parts)
    return joined.reshape(query.shape[0], -1)
