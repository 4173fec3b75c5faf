"""Test of whether the lean forward computes a model exactly.

A wrong "yes" here would sample from a model that is not the one being trained, so the answer is
"no" for anything not recognised, and the generic path takes over.
"""

from __future__ import annotations

from typing import Any

from torch import nn
from transformers import PreTrainedModel

from envgym.agents.local.adapted_linear import is_supported

_FAMILIES = {"llama", "mistral", "qwen2", "qwen3"}
_STATIC_ROPE = {"default", "linear", "llama3", "yarn"}
_ATTENTION_LINEARS = ("q_proj", "k_proj", "v_proj", "o_proj")
_MLP_LINEARS = ("gate_proj", "up_proj", "down_proj")


def unsupported(model: PreTrainedModel, max_context: int) -> str | None:
    """Reason why the lean forward cannot run this model; None when it can."""
    config: Any = model.config
    body: Any = getattr(model, "model", None)
    head = model.get_output_embeddings()
    if config.model_type not in _FAMILIES or not hasattr(body, "layers"):
        return f"model_type {config.model_type!r} is not one of {sorted(_FAMILIES)}"
    if type(model).__name__.removesuffix("ForCausalLM") == type(model).__name__:
        return f"{type(model).__name__} is not a plain ...ForCausalLM"
    if config.hidden_act not in ("silu", "swish"):
        return f"hidden_act {config.hidden_act!r} is not SwiGLU's"
    if body.rotary_emb.rope_type not in _STATIC_ROPE:
        return f"rope type {body.rotary_emb.rope_type!r} changes with the length"
    if _rotated_width(body) != body.layers[0].self_attn.head_dim:
        return "only a part of each head is rotated"
    if type(body.embed_tokens) is not nn.Embedding or type(head) is not nn.Linear:
        return "the embedding or the output head is wrapped"
    for layer in body.layers:
        window = getattr(layer.self_attn, "sliding_window", None)
        if config.model_type == "mistral":
            window = config.sliding_window
        if window is not None and window < max_context:
            return f"attention slides over {window} tokens"
        linears = [getattr(layer.self_attn, name, None) for name in _ATTENTION_LINEARS]
        linears += [getattr(layer.mlp, name, None) for name in _MLP_LINEARS]
        if not all(is_supported(linear) for linear in linears):
            return "a projection is wrapped (a quantiser, an adapter other than LoRA) or missing"
    if any(_hooked(module) for module in model.modules()):
        return "a module has forward hooks"
    if len({(p.device, p.dtype) for p in model.parameters()}) > 1:
        return "the parameters are not all on one device in one type"
    return None


def _rotated_width(body: Any) -> int:
    return int(2 * body.rotary_emb.inv_freq.shape[0])


def _hooked(module: nn.Module) -> bool:
    return bool(module._forward_hooks or module._forward_pre_hooks) or hasattr(module, "_hf_hook")
