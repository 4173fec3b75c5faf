"""Attention of many new tokens per row, for a batch of contexts of different lengths.

Everything but attention runs on the tokens of all chunks in one packed sequence, without padding.
Attention pads, so chunks are sorted by length and padded only among their like.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn import functional as F

from envgym.agents.local.kv.cache import SlotCache
from envgym.agents.local.model_runner import Chunk

_SCORES = 1 << 22  # most scores of one head in one call: bounds the memory of its mask
_SMALL = 1 << 15  # scores not worth another call


@dataclass(frozen=True)
class PrefillGroup:
    """Chunks whose attention is computed in one call.

    Attributes:
        first, last: Their tokens in the packed sequence.
        rows, length: Number of chunks, and tokens of the longest.
        spread: Packed token, relative to `first`, of each padded place `[rows * length]`; `None`
            when nothing is padded.
        gather: The padded place of each token; `None` with `spread`.
        index: Rows of the cache of the columns that are read, `[rows, kv_heads, columns]`; a row
            with fewer repeats its last one. `None` when every chunk starts its slot, where plain
            causal attention among themselves is enough.
        mask: Columns visible per query, `[rows, 1, length, columns]`; `None` without `index`.
    """

    first: int
    last: int
    rows: int
    length: int
    spread: torch.Tensor | None
    gather: torch.Tensor | None
    index: torch.Tensor | None
    mask: torch.Tensor | None


@dataclass(frozen=True)
class Packed:
    """Chunks as one sequence, and how they attend.

    Attributes:
        ids, positions: `[tokens]`.
        index: Rows of the cache where each token is stored, `[tokens, kv_heads, 1]`.
    """

    ids: torch.Tensor
    positions: torch.Tensor
    index: torch.Tensor
    groups: list[PrefillGroup]


def pack(chunks: Sequence[Chunk], cache: SlotCache, kv_heads: int) -> Packed:
    """Lay chunks out as one sequence, longest first."""
    device = cache.device
    ordered = sorted(chunks, key=lambda c: (c.start > 0, -len(c.ids), -c.start))
    ids: list[int] = []
    slots: list[int] = []
    positions: list[int] = []
    for chunk in ordered:
        ids += chunk.ids
        slots += [chunk.slot] * len(chunk.ids)
        positions += range(chunk.start, chunk.start + len(chunk.ids))
    groups = []
    token = first = 0
    for last in range(1, len(ordered) + 1):
        if last < len(ordered) and _belongs(ordered[first:last], ordered[last]):
            continue
        groups.append(_group(ordered[first:last], token, cache, kv_heads))
        token, first = groups[-1].last, last
    where = torch.tensor(positions, device=device)
    index = cache.index(kv_heads, slots, where[:, None])
    return Packed(torch.tensor(ids, device=device), where, index, groups)


def _belongs(group: Sequence[Chunk], chunk: Chunk) -> bool:
    """Test that a chunk is padded to this group (whose first chunk is its longest)."""
    if (group[0].start > 0) != (chunk.start > 0):
        return False
    rows, length = len(group) + 1, len(group[0].ids)
    columns = max(c.start for c in (*group, chunk)) + length
    scores = rows * length * columns
    alike = 4 * len(chunk.ids) >= 3 * length
    return scores <= _SCORES and (alike or scores <= _SMALL)


def _group(chunks: Sequence[Chunk], first: int, cache: SlotCache, kv_heads: int) -> PrefillGroup:
    device = cache.device
    lengths = [len(c.ids) for c in chunks]
    rows, length, total = len(chunks), lengths[0], sum(lengths)
    spread = gather = index = mask = None
    if rows * length != total:
        places: list[int] = []
        tokens: list[int] = []
        begin = 0
        for row, size in enumerate(lengths):
            places += range(row * length, row * length + size)
            tokens += [*range(begin, begin + size), *[begin] * (length - size)]
            begin += size
        spread = torch.tensor(tokens, device=device)
        gather = torch.tensor(places, device=device)
    if chunks[0].start > 0:
        starts = torch.tensor([c.start for c in chunks], device=device)
        ends = starts + torch.tensor(lengths, device=device)
        columns = torch.arange(max(c.start + len(c.ids) for c in chunks), device=device)
        seen = starts[:, None] + torch.arange(length, device=device)
        mask = (columns <= seen[:, :, None])[:, None]
        own = columns.minimum(ends[:, None] - 1)
        index = cache.index(kv_heads, [c.slot for c in chunks], own)
    return PrefillGroup(first, first + total, rows, length, spread, gather, index, mask)


def prefill_attention(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    cache: SlotCache,
    layer: int,
    groups: Sequence[PrefillGroup],
    scale: float,
) -> torch.Tensor:
    """Causal attention of packed tokens, whose keys and values are in the cache already.

    Args:
        query: `[tokens, query_heads, head_dim]`.
        key, value: The same tokens' `[tokens, kv_heads, head_dim]`.

    Returns:
        `[tokens, query_heads * head_dim]`.
    """
    heads = query.shape[1]
    parts = []
    for group in groups:
        asked = _padded(query, group)
        if group.index is None:
            seen_keys, seen_values = _padded(key, group), _padded(value, group)
        else:
            seen_keys, seen_values = cache.read(layer, group.index)
        out = F.scaled_dot_product_attention(
            asked,
            _repeated(seen_keys, heads),
            _repeated(seen_values, heads),
            attn_mask=group.mask,
            is_causal=group.mask is None,
            scale=scale,
        )
        out = out.transpose(1, 2).reshape(group.rows * group.length, -1)
        parts.append(out if group.gather is None else out[group.gather])
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def _padded(packed: torch.Tensor, group: PrefillGroup) -> torch.Tensor:
    """The group's tokens as `[rows, heads, length, head_dim]`."""
    tokens = packed[group.first : group.last]
    if group.spread is not None:
        tokens = tokens[group.spread]
    return tokens.view(group.rows, group.length, *packed.shape[1:]).transpose(1, 2)


def _repeated(states: torch.Tensor, heads: int) -> torch.Tensor:
    """`[rows, kv_heads, columns, head_dim]` with each head repeated up to the query heads."""
    rows, kv_heads, columns, head_dim = states.shape
    if heads == kv_heads:
        return states
    wide = states[:, :, None].expand(rows, kv_heads, heads // kv_heads, columns, head_dim)
    return wide.reshape(rows, heads, columns, head_dim)
