"""Shared prefix: the context that all rows of a batch begin with, computed once.

The episodes of a group start from one prompt, and all episodes of an environment from one system
message with its tools: in multi-turn training with tools that is often half of every row. One row
computes its keys and values, and all share them; the gradient flows back through them from all
rows.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel
from transformers.cache_utils import DynamicLayer

from envgym.agents.local.cache_argument import cache_argument
from envgym.trainers.learner.model.checkpointing import checkpointed_layers

LEAST_SHARE = 0.4
"""Minimum share of the width for sharing. The rest attends under a mask, twice the work of plain
causal attention: below this share that costs more than it saves."""


def hidden_states(
    model: PreTrainedModel, ids: Tensor, action: Tensor, checkpointing: bool = False
) -> tuple[Tensor, int]:
    """Last hidden states of right-padded rows, from a column on.

    Args:
        ids: Token ids, int64 [B, T].
        action: True on action tokens, bool [B, T].
        checkpointing: Whether the backward pass computes activations again; then nothing is shared,
            since a layer computed twice would store its keys twice.

    Returns:
        The states of columns ``skipped`` to T, [B, T - skipped, H], and ``skipped``: they hold
        every column from the one before the first action on.
    """
    again = checkpointing and torch.is_grad_enabled()
    shared = 0 if again else _shared(ids, action)
    enough = shared and shared >= LEAST_SHARE * ids.shape[1]
    cache = DynamicCache(config=model.config) if enough else None
    name = cache_argument(model.base_model)
    if cache is None or name is None or not keeps_plainly(cache):
        with checkpointed_layers(model) if again else nullcontext():
            return model.base_model(input_ids=ids, use_cache=False).last_hidden_state, 0
    shares: dict[str, Any] = {name: cache, "use_cache": True}
    once = model.base_model(input_ids=ids[:1, :shared], **shares)
    layers: list[Any] = cache.layers
    for layer in layers:
        layer.keys = layer.keys.expand(len(ids), -1, -1, -1)
        layer.values = layer.values.expand(len(ids), -1, -1, -1)
    rest = model.base_model(input_ids=ids[:, shared:], **shares)
    last = once.last_hidden_state[:, -1:].expand(len(ids), -1, -1)
    return torch.cat([last, rest.last_hidden_state], 1), shared - 1


def _shared(ids: Tensor, action: Tensor) -> int:
    """Number of front columns that are equal in all rows and hold no action."""
    if len(ids) < 2:
        return 0
    differs = (ids != ids[:1]).any(0) | action.any(0)
    return int(differs.int().argmax()) if bool(differs.any()) else 0


def keeps_plainly(cache: DynamicCache) -> bool:
    """Return whether a model's cache holds plain keys and values alone."""
    return bool(cache.layers) and all(type(layer) is DynamicLayer for layer in cache.layers)
