"""Packed attention in one kernel: PyTorch's FlexAttention under the mask of a layout.

Segment by segment, a layout of 256 rows costs a launch per segment and layer, which a GPU waits
for. One block-sparse kernel computes the same. PyTorch has its backward pass on GPUs alone.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention.flex_attention import BlockMask, create_block_mask, flex_attention

from envgym.trainers.learner.layout import Layout


def layout_mask(layout: Layout, device: torch.device) -> BlockMask:
    """Block mask of a layout: a token sees its segment up to itself, and those before it."""
    count, total = len(layout.sizes), sum(layout.sizes)
    segment = torch.repeat_interleave(torch.arange(count), torch.tensor(layout.sizes)).to(device)
    seen = torch.eye(count, dtype=torch.bool)
    for index, before in enumerate(layout.before):
        seen[index, list(before)] = True
    seen = seen.to(device)

    def visible(batch: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        return seen[segment[query], segment[key]] & (query >= key)

    return create_block_mask(visible, None, None, total, total, device=device.type)


def flex_packed(
    query: Tensor, key: Tensor, value: Tensor, mask: BlockMask, scale: float | None
) -> Tensor:
    """Attention [1, N, heads, D] of queries [1, heads, N, D] over fewer or as many key heads."""
    attend: Any = flex_attention if query.device.type == "cpu" else _compiled()
    grouped = query.shape[1] != key.shape[1]
    out: Tensor = attend(query, key, value, block_mask=mask, scale=scale, enable_gqa=grouped)
    return out.transpose(1, 2)


@cache
def _compiled() -> Any:
    return torch.compile(flex_attention, dynamic=True)
