"""Model runner for Llama-shaped models: a lean forward over the Hugging Face module's parameters.

Small models spend much of a Hugging Face forward on overhead, and its caches are rebuilt at every
step. This one reads the same weight tensors at every call, so it copies nothing and an optimiser
step is seen at once, and writes keys and values into the engine's slots. It computes what
`LlamaForCausalLM`, `Qwen2ForCausalLM`, `Qwen3ForCausalLM` and `MistralForCausalLM` compute.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F
from transformers import PreTrainedModel

from envgym.agents.local.adapted_linear import linear
from envgym.agents.local.decode_attention import (
    decode_attention,
    decode_masks,
    plan_segments,
    reading_order,
    split_columns,
)
from envgym.agents.local.kv.cache import LayerShape, SlotCache
from envgym.agents.local.model_runner import Chunk
from envgym.agents.local.prefill_attention import pack, prefill_attention


class LlamaRunner:
    """Lean model runner; `llama_support.unsupported` decides for which models it is exact.

    Args:
        model: The causal LM.
        max_context: Maximum number of columns of a slot.
    """

    name = "llama"

    def __init__(self, model: PreTrainedModel, max_context: int) -> None:
        body: Any = model.model
        attention: Any = body.layers[0].self_attn
        self._embedding: nn.Embedding = body.embed_tokens
        self._layers: list[Any] = list(body.layers)
        self._norm: Any = body.norm
        self._head: Any = model.get_output_embeddings()
        self._head_dim: int = attention.head_dim
        self._scale: float = attention.scaling
        self._kv_heads = attention.k_proj.out_features // self._head_dim
        self._heads = attention.q_proj.out_features // self._head_dim
        weight = self._embedding.weight
        self.device = weight.device
        self._dtype = weight.dtype
        self._cache = SlotCache(
            [LayerShape(self._kv_heads, self._head_dim, self._head_dim)] * len(self._layers),
            dtype=self._dtype,
            device=self.device,
        )
        column_bytes = 2 * self._kv_heads * self._head_dim * weight.element_size()
        self._split = split_columns(column_bytes, self.device)
        positions = torch.arange(max_context, device=self.device)[None]
        with torch.no_grad():
            cos, sin = body.rotary_emb(weight[:1], positions)
        # Rotating half a head is rolling it by half and negating what came from the upper half;
        # the sign is moved into the sine.
        half = self._head_dim // 2
        self._cos = cos[0][:, None]
        self._sin = torch.cat((-sin[0][:, :half], sin[0][:, half:]), -1)[:, None]
        self._planned: tuple[Sequence[int], int] | None = None

    def reserve(self, columns: Mapping[int, int]) -> None:
        """Hold memory for exactly these slots, each of at least so many columns."""
        self._cache.reserve(columns)

    def free(self) -> None:
        """Drop the memory of all keys and values; `reserve` allocates anew."""
        self._cache.free()

    def copy_prefix(self, source: int, targets: Sequence[int], columns: int) -> None:
        """Copy the first columns of a slot to other slots."""
        self._cache.copy_prefix(source, targets, columns)

    def drop(self, slot: int) -> None:
        """Give up the memory of a slot, which may hold non-finite numbers."""
        self._cache.drop(slot)

    def prefill(self, chunks: Sequence[Chunk]) -> None:
        """Compute and store the keys and values of chunks of different slots.

        No logits are needed here, so the last layer stops at its keys and values.
        """
        packed = pack(chunks, self._cache, self._kv_heads)
        cos, sin = self._cos[packed.positions], self._sin[packed.positions]
        hidden = F.embedding(packed.ids, self._embedding.weight)
        for index, layer in enumerate(self._layers):
            normed = _rms_norm(hidden, layer.input_layernorm)
            key, value = self._key_value(layer.self_attn, normed, cos, sin)
            self._cache.write(index, packed.index, key, value)
            if index == len(self._layers) - 1:
                return
            mixed = prefill_attention(
                self._query(layer.self_attn, normed, cos, sin),
                key,
                value,
                self._cache,
                index,
                packed.groups,
                self._scale,
            )
            self._finish_layer(layer, hidden, mixed)

    def decode(
        self, slots: Sequence[int], ids: Sequence[int], positions: Sequence[int]
    ) -> torch.Tensor:
        """Feed one id to each slot; return logits `[rows, vocabulary]`."""
        if self._planned != (slots, self._cache.changes):
            self._plan(slots, positions)
        ids = [ids[row] for row in self._order]
        positions = [positions[row] for row in self._order]
        columns = torch.tensor(positions, device=self.device)
        stored = (self._first_columns + columns[:, None, None]).flatten()
        masks = decode_masks(self._segments, positions, columns, self._dtype)
        cos, sin = self._cos[columns], self._sin[columns]
        hidden = F.embedding(torch.tensor(ids, device=self.device), self._embedding.weight)
        rows = len(ids)
        for index, layer in enumerate(self._layers):
            normed = _rms_norm(hidden, layer.input_layernorm)
            key, value = self._key_value(layer.self_attn, normed, cos, sin)
            self._cache.write(index, stored, key, value)
            query = self._query(layer.self_attn, normed, cos, sin)
            mixed = decode_attention(
                query.view(rows, self._kv_heads, -1, self._head_dim),
                self._cache,
                index,
                self._segments,
                masks,
                self._scale,
            )
            self._finish_layer(layer, hidden, mixed)
        return linear(_rms_norm(hidden.index_select(0, self._places), self._norm), self._head)

    def _plan(self, slots: Sequence[int], positions: Sequence[int]) -> None:
        """Fix the order in which the rows of a batch are computed, and who attends together."""
        blocks = [self._cache.block(slot) for slot in slots]
        self._order = reading_order(blocks)
        self._places = torch.tensor(self._order, device=self.device).argsort()
        self._segments = plan_segments(
            [blocks[row] for row in self._order],
            [positions[row] + 1 for row in self._order],
            self._split,
            self.device,
        )
        ordered = [slots[row] for row in self._order]
        origin = torch.zeros(len(slots), 1, dtype=torch.long, device=self.device)
        self._first_columns = self._cache.index(self._kv_heads, ordered, origin)
        self._planned = slots, self._cache.changes

    def _query(
        self, attention: Any, normed: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor
    ) -> torch.Tensor:
        query = linear(normed, attention.q_proj).view(-1, self._heads, self._head_dim)
        if hasattr(attention, "q_norm"):
            query = _rms_norm(query, attention.q_norm)
        return self._rotate(query, cos, sin)

    def _key_value(
        self, attention: Any, normed: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        key = linear(normed, attention.k_proj).view(-1, self._kv_heads, self._head_dim)
        value = linear(normed, attention.v_proj).view(-1, self._kv_heads, self._head_dim)
        if hasattr(attention, "k_norm"):
            key = _rms_norm(key, attention.k_norm)
        return self._rotate(key, cos, sin), value

    def _rotate(self, heads: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
        return torch.addcmul(heads * cos, heads.roll(self._head_dim // 2, -1), sin)

    def _finish_layer(self, layer: Any, hidden: torch.Tensor, mixed: torch.Tensor) -> None:
        """Project the attention's output and apply the feed-forward, adding into `hidden`."""
        hidden += linear(mixed, layer.self_attn.o_proj)
        normed = _rms_norm(hidden, layer.post_attention_layernorm)
        gate = F.silu(linear(normed, layer.mlp.gate_proj), inplace=True)
        gate *= linear(normed, layer.mlp.up_proj)
        hidden += linear(gate, layer.mlp.down_proj)


def _rms_norm(states: torch.Tensor, norm: Any) -> torch.Tensor:
    if states.dtype == torch.float32:
        return F.rms_norm(states, states.shape[-1:], norm.weight, norm.variance_epsilon)
    # In half precision the model rounds before it scales.
    scaled = F.rms_norm(states.float(), states.shape[-1:], None, norm.variance_epsilon)
    return norm.weight * scaled.to(states.dtype)
