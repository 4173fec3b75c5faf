"""A lean forward for Llama-shaped models, straight over the Hugging Face module's own weights.

Generation of small models is bound by per-call overhead, and Hugging Face's forward carries much of
it. This one reads the same parameters (no copy: an optimiser step is seen at once), writes keys and
values into the engine's slots, and attends to a view of them.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import PreTrainedModel

from envgym.agents.local.cache import Session, SlotCache, stack_pad

FAMILIES = ("llama", "mistral", "qwen2", "qwen3")
_MAX_PREFILL = 16384  # tokens of one padded prefill batch: bounds the memory of its attention mask


def supports(model: PreTrainedModel) -> bool:
    """Whether this forward computes the model exactly."""
    config = model.config
    rope = getattr(config, "rope_parameters", None) or {}
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    return (
        config.model_type in FAMILIES
        and kinds == {"full_attention"}
        and not (config.model_type == "mistral" and getattr(config, "sliding_window", None))
        and rope.get("rope_type", "default") in ("default", "linear", "llama3")
        and config.hidden_act == "silu"
    )


class LlamaRunner:
    """Runs new tokens of many sessions at once against their slots."""

    name = "llama"

    def __init__(self, model: PreTrainedModel, max_rows: int, max_context: int) -> None:
        self.config: Any = model.config
        body: Any = model.model
        self.embed = body.embed_tokens
        self.layers = body.layers
        self.norm = body.norm
        self.head = model.get_output_embeddings()
        self.heads = self.config.num_attention_heads
        self.kv_heads = self.config.num_key_value_heads
        self.head_dim = self.layers[0].self_attn.head_dim
        self.scale = self.head_dim**-0.5
        weight = self.embed.weight
        self.cache = SlotCache(
            len(self.layers), self.kv_heads, self.head_dim, max_rows, max_context, weight
        )
        rotary = body.rotary_emb
        angles = torch.outer(torch.arange(max_context), rotary.inv_freq.cpu().float())
        angles = torch.cat([angles, angles], -1).to(weight.device)
        scaling = rotary.attention_scaling
        self.cos = (angles.cos() * scaling).to(weight.dtype)
        self.sin = (angles.sin() * scaling).to(weight.dtype)

    def open(self, session: Session) -> bool:
        """Give a session a slot; False when none is free."""
        session.slot = self.cache.take()
        return session.slot is not None

    def close(self, session: Session) -> None:
        """Take a session's slot back."""
        if session.slot is not None:
            self.cache.give_back(session.slot)
            session.slot, session.ids = None, []

    def truncate(self, session: Session, length: int) -> None:
        """Forget a session's tokens from `length` on."""
        del session.ids[length:]

    def share(self, source: Session, target: Session, length: int) -> bool:
        """Start `target` from the first `length` tokens of `source`."""
        assert source.slot is not None
        assert target.slot is not None
        self.cache.copy(source.slot, target.slot, length)
        target.ids = source.ids[:length]
        return True

    def run(self, sessions: list[Session], new: list[list[int]]) -> Tensor:
        """Append `new[i]` (at least one id) to `sessions[i]`; returns the next logits [B, V]."""
        self.cache.reserve(max(len(s.ids) + len(n) for s, n in zip(sessions, new, strict=True)))
        order = sorted(range(len(new)), key=lambda i: len(new[i]))
        out: list[Tensor] = [torch.empty(0)] * len(new)
        start = 0
        while start < len(order):
            stop = start + 1
            while stop < len(order) and (stop + 1 - start) * len(new[order[stop]]) <= _MAX_PREFILL:
                stop += 1
            part = order[start:stop]
            logits = self._forward([sessions[i] for i in part], [new[i] for i in part])
            if start == 0 and stop == len(order) and part == list(range(len(new))):
                out_all = logits
                break
            for row, i in enumerate(part):
                out[i] = logits[row]
            start = stop
        else:
            out_all = torch.stack(out)
        for session, ids in zip(sessions, new, strict=True):
            session.ids.extend(ids)
        return out_all

    def _forward(self, sessions: list[Session], new: list[list[int]]) -> Tensor:
        device = self.embed.weight.device
        slots = torch.tensor([s.slot for s in sessions], device=device)
        starts = torch.tensor([len(s.ids) for s in sessions], device=device)
        counts = torch.tensor([len(n) for n in new], device=device)
        ids = stack_pad(new, device)
        batch, width = ids.shape
        positions = starts.unsqueeze(1) + torch.arange(width, device=device)
        longest = int((starts + counts).max())
        positions.clamp_(max=longest - 1)  # padding: any valid position will do
        cos, sin = self.cos[positions].unsqueeze(1), self.sin[positions].unsqueeze(1)
        # Every row of slots up to the last one used, where most of them take part: a view, no copy.
        top = int(slots.max()) + 1
        dense = 2 * batch >= top and width == 1
        keys_seen = torch.arange(longest, device=device)
        mask = (keys_seen <= positions.unsqueeze(2)).unsqueeze(1)
        if dense:
            everyone = mask.new_zeros((top, 1, 1, longest))
            everyone[:, :, :, 0] = True
            everyone[slots] = mask
            mask = everyone
        valid = torch.arange(width, device=device) < counts.unsqueeze(1)
        where = (slots.unsqueeze(1).expand(-1, width)[valid], positions[valid])

        x = self.embed(ids)
        for number, layer in enumerate(self.layers):
            attention = layer.self_attn
            h = _norm(x, layer.input_layernorm)
            q = attention.q_proj(h).view(batch, width, self.heads, self.head_dim)
            k = attention.k_proj(h).view(batch, width, self.kv_heads, self.head_dim)
            v = attention.v_proj(h).view(batch, width, self.kv_heads, self.head_dim)
            if hasattr(attention, "q_norm"):
                q, k = _norm(q, attention.q_norm), _norm(k, attention.k_norm)
            q, k = _rotate(q.transpose(1, 2), cos, sin), _rotate(k.transpose(1, 2), cos, sin)
            keys, values = self.cache.keys[number], self.cache.values[number]
            keys[where[0], :, where[1]] = k.transpose(1, 2)[valid]
            values[where[0], :, where[1]] = v[valid]
            if dense:
                wide = q.new_zeros((top, *q.shape[1:]))
                wide[slots] = q
                a = self._attend(wide, keys[:top, :, :longest], values[:top, :, :longest], mask)
                a = a[slots]
            else:
                a = self._attend(
                    q, keys[slots, :, :longest], values[slots, :, :longest], mask
                )
            x = x + attention.o_proj(a.transpose(1, 2).reshape(batch, width, -1))
            h = _norm(x, layer.post_attention_layernorm)
            mlp = layer.mlp
            x = x + mlp.down_proj(F.silu(mlp.gate_proj(h)) * mlp.up_proj(h))
        last = x[torch.arange(batch, device=device), counts - 1]
        return self.head(_norm(last, self.norm))

    def _attend(self, q: Tensor, keys: Tensor, values: Tensor, mask: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(
            q, keys, values, attn_mask=mask, scale=self.scale, enable_gqa=self.heads != self.kv_heads
        )


def _norm(x: Tensor, norm: Any) -> Tensor:
    return F.rms_norm(x, (x.shape[-1],), norm.weight, norm.variance_epsilon)


def _rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    a, b = x.chunk(2, dim=-1)
    return x * cos + torch.cat([-b, a], -1) * sin
