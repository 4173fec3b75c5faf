"""Induction heads in the initial weights of a tiny model.

To quote a page a model needs heads that attend to the preceding tokens, and heads that find the
same tokens earlier and copy their successor (Olsson et al. 2022). With a vocabulary of a thousand
tokens or more, a small model does not learn them in the time that a laptop has. So the random
weights of the first two layers are drawn as such heads (a mimetic initialisation: Trockman & Kolter
2023), independent of any token or task; training continues from there.
"""

from __future__ import annotations

import torch
from torch import Tensor
from transformers import Qwen3ForCausalLM

from envgym.errors import UsageError

_EMBEDDING = 0.2  # deviation of an embedding: large enough to be told apart in the output at once
_FAST = 6  # rotary pairs that turn fast: they tell places next to each other apart
_COMMON = 5  # of them hold the look back
_SHARPNESS = (2.0, 3.0)  # of the two layers' attention
_WRITTEN = 0.5  # share of the token before in the stream
_FETCHED = 5.0  # and of the token fetched, which is to outweigh all others


def add_induction(model: Qwen3ForCausalLM, look_back: int, generator: torch.Generator) -> None:
    """Initialize the embeddings and attention of the first two layers as induction heads, in place.

    The first layer's head b writes the token b + 1 places back into a subspace of its own. In the
    second layer every head asks for places whose tokens before are those here and now, and adds the
    token there to the output.

    Args:
        model: Model of two layers or more.
        look_back: Length of the token context that a head matches on: 2 where each space is a
            token, 3 where strings repeat themselves.
        generator: Random generator of the initial weights.

    Raises:
        UsageError: The model has fewer than two layers, no more heads than `look_back`, heads that
            share keys, or heads of fewer than 16 dimensions.
    """
    config = model.config
    width, heads, size = config.hidden_size, config.num_attention_heads, config.head_dim
    if config.num_hidden_layers < 2 or heads <= look_back or size <= 2 * _FAST:
        needs = f"two layers, {look_back + 1} heads and 16 dimensions a head"
        raise UsageError(f"induction with look_back {look_back} needs {needs}")
    if config.num_key_value_heads != heads or width != heads * size:
        raise UsageError("induction needs as many kv_heads as heads")
    frame = _rotation(width, generator)
    common, seen = frame[:, 0], frame[:, 1 : 1 + size]
    written = _rotation(width, generator).split(size, dim=1)[:look_back]
    with torch.no_grad():
        _spread(model.model.embed_tokens.weight, common, generator)
        _look_back(model, common, seen, written)
        _fetch(model, seen, written, generator)


def _spread(embeddings: Tensor, common: Tensor, generator: torch.Generator) -> None:
    """Random embeddings with a direction in common, by which a head can do alike at each token."""
    embeddings.normal_(0.0, _EMBEDDING, generator=generator)
    embeddings -= torch.outer(embeddings @ common, common)
    embeddings += _EMBEDDING * len(common) ** 0.5 * common


def _look_back(
    model: Qwen3ForCausalLM, common: Tensor, seen: Tensor, written: tuple[Tensor, ...]
) -> None:
    """Queries turned back by as much as the rotary embedding turns in b + 1 places."""
    attention, size = model.model.layers[0].self_attn, seen.shape[1]
    half, pairs = size // 2, torch.arange(_COMMON)
    speed = model.model.rotary_emb.inv_freq[pairs]  # radians a place
    for norm in (attention.q_norm, attention.k_norm):
        norm.weight.fill_(_SHARPNESS[0])
    for head, space in enumerate(written):
        part = slice(head * size, (head + 1) * size)
        query, key = torch.zeros(size), torch.zeros(size)
        query[pairs], query[half + pairs] = (speed * (head + 1)).cos(), -(speed * (head + 1)).sin()
        key[pairs] = 1.0
        attention.q_proj.weight[part] = torch.outer(query, common)
        attention.k_proj.weight[part] = torch.outer(key, common)
        attention.v_proj.weight[part] = seen.T
        attention.o_proj.weight[:, part] = _WRITTEN * space


def _fetch(
    model: Qwen3ForCausalLM, seen: Tensor, written: tuple[Tensor, ...], generator: torch.Generator
) -> None:
    """Queries hold the last tokens as keys hold those before them, each turned in its own way."""
    attention, (width, size) = model.model.layers[1].self_attn, seen.shape
    slow = (
        (torch.arange(size) % (size // 2) >= _FAST).float().unsqueeze(1)
    )  # alike at every distance
    fetched = _rotation(width, generator)
    for norm in (attention.q_norm, attention.k_norm):
        norm.weight.fill_(_SHARPNESS[1])
    for head in range(width // size):
        part = slice(head * size, (head + 1) * size)
        turns = [slow * _rotation(size, generator) for _ in written]
        here = (seen, *written)[: len(written)]
        attention.q_proj.weight[part] = _sum(turns, here)
        attention.k_proj.weight[part] = _sum(turns, written)
        attention.v_proj.weight[part] = fetched[:, part].T
        attention.o_proj.weight[:, part] = _FETCHED * fetched[:, part]


def _sum(turns: list[Tensor], spaces: tuple[Tensor, ...]) -> Tensor:
    return torch.stack([turn @ space.T for turn, space in zip(turns, spaces, strict=True)]).sum(0)


def _rotation(size: int, generator: torch.Generator) -> Tensor:
    return torch.linalg.qr(torch.randn(size, size, generator=generator))[0]
