"""Packing: a forward pass over rows laid out as one sequence, segment by segment.

The gradient flows back into a common part from all rows that share it.

Importing this module registers the attention function ``envgym_packed`` with transformers.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention.bias import causal_lower_right
from transformers import AttentionInterface, DynamicCache, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from envgym.trainers.learner.flex_attention import flex_packed, layout_mask
from envgym.trainers.learner.layout import Layout
from envgym.trainers.learner.model.checkpointing import checkpointed_layers
from envgym.trainers.learner.shared_prefix import keeps_plainly


def token_pairs(model: PreTrainedModel) -> float:
    """Cost of a token outside attention, in query-key pairs.

    It counts 2 operations per weight, and 4 per pair and unit of width.
    """
    config: Any = model.config.get_text_config(decoder=True)
    weights = sum(p.numel() for p in model.base_model.parameters())
    weights -= sum(
        e.weight.numel() for e in model.base_model.modules() if isinstance(e, torch.nn.Embedding)
    )
    return weights / (2 * config.hidden_size * config.num_hidden_layers)


def packable(model: PreTrainedModel) -> bool:
    """Return whether every layer is plain attention through transformers' attention interface."""
    config: Any = model.config
    return (
        config._attn_implementation == "sdpa"
        and bool(model._can_set_attn_implementation())
        and keeps_plainly(DynamicCache(config=config))
    )


def packed_states(model: PreTrainedModel, layout: Layout, checkpointing: bool = False) -> Tensor:
    """Last hidden states of a layout's tokens, [N, H].

    Args:
        checkpointing: Whether the backward pass computes activations again, layer by layer.

    Raises:
        RuntimeError: The model's attention does not go through the interface in every layer.
    """
    device = next(model.parameters()).device
    ids = torch.from_numpy(layout.ids)[None].to(device)
    positions = torch.from_numpy(layout.positions)[None].to(device)
    layout.calls = 0
    inside = partial(_packed_attention, model, layout)
    again = checkpointing and torch.is_grad_enabled()
    if device.type == "cuda":
        layout.mask = layout_mask(layout, device)
    with inside(), checkpointed_layers(model, inside) if again else nullcontext():
        out = model.base_model(input_ids=ids, position_ids=positions, use_cache=False)
    if layout.calls != model.config.get_text_config(decoder=True).num_hidden_layers:
        raise RuntimeError(f"{type(model).__name__} cannot be packed: set learner.packing=false")
    return out.last_hidden_state[0]


_NAME = "envgym_packed"
_layout: ContextVar[Layout] = ContextVar("layout")


@contextmanager
def _packed_attention(model: PreTrainedModel, layout: Layout) -> Iterator[None]:
    """Route the model's attention through the layout."""
    usual: str = model.config._attn_implementation
    token = _layout.set(layout)
    model.set_attn_implementation(_NAME)
    try:
        yield
    finally:
        model.set_attn_implementation(usual)
        _layout.reset(token)


def _attention(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """Attention [1, N, heads, D] of a layout's tokens, under its mask or segment by segment."""
    layout = _layout.get()
    layout.calls += 1
    if layout.mask is not None:
        return flex_packed(query, key, value, layout.mask, kwargs.get("scaling")), None
    queries, keys, values = (x.split(layout.sizes, 2) for x in (query, key, value))
    found = []
    for index, before in enumerate(layout.before):
        mask = None
        mine, what = keys[index], values[index]
        if before:
            mine = torch.cat([*(keys[i] for i in before), mine], 2)
            what = torch.cat([*(values[i] for i in before), what], 2)
            mask = causal_lower_right(layout.sizes[index], mine.shape[2])
        out, _ = sdpa_attention_forward(module, queries[index], mine, what, mask, **kwargs)
        found.append(out)
    return torch.cat(found, 1), None


AttentionInterface.register(_NAME, _attention)
