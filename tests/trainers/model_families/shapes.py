"""Tiny configs of model families that transformers loads as causal LMs, under their model types."""

from __future__ import annotations

from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

VOCAB = 64
_ENDS = {"bos_token_id": None, "eos_token_id": None, "pad_token_id": 0}
_WIDE = 0.3  # deviation of the weights: peaked enough that greedy ids do not hang on rounding
_MULTI_HEAD = {
    "vocab_size": VOCAB,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 512,
    "initializer_range": _WIDE,
    **_ENDS,
}
_GROUPED = {**_MULTI_HEAD, "num_key_value_heads": 2}
_WINDOW = {"sliding_window": 6}  # far shorter than the rows of the measurement
_EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16}
_GPT2 = {
    "vocab_size": VOCAB,
    "n_embd": 32,
    "n_layer": 2,
    "n_head": 4,
    "n_positions": 512,
    "initializer_range": _WIDE,
    **_ENDS,
}

FAMILIES: dict[str, dict[str, Any]] = {
    "llama": _GROUPED,
    "qwen2": _GROUPED,
    "qwen3": {**_GROUPED, "head_dim": 16},
    "mistral": {**_GROUPED, "sliding_window": None},
    "mistral (sliding window)": {**_GROUPED, **_WINDOW},
    "ministral3": {**_GROUPED, "head_dim": 16},
    "gemma": {**_GROUPED, "head_dim": 16},
    "gemma2": {**_GROUPED, "head_dim": 16, "final_logit_softcapping": 2.0, **_WINDOW},
    "gemma3_text": {**_GROUPED, "head_dim": 16, **_WINDOW},
    "phi": _GROUPED,
    "phi3": _GROUPED,
    "gpt2": _GPT2,
    "gpt_neox": _MULTI_HEAD,
    "gptj": {**_GPT2, "rotary_dim": 8},
    "opt": {**_MULTI_HEAD, "ffn_dim": 48, "word_embed_proj_dim": 32, "init_std": _WIDE},
    "bloom": {
        "vocab_size": VOCAB,
        "hidden_size": 32,
        "n_layer": 2,
        "n_head": 4,
        "initializer_range": _WIDE,
        **_ENDS,
    },
    "falcon": {
        **_MULTI_HEAD,
        "num_kv_heads": 2,
        "new_decoder_architecture": True,
        "ffn_hidden_size": 48,
    },
    "olmo2": _GROUPED,
    "olmo3": {**_GROUPED, **_WINDOW},
    "stablelm": _GROUPED,
    "starcoder2": _GROUPED,
    "cohere": {**_GROUPED, "logit_scale": 0.5},
    "cohere2": {**_GROUPED, "head_dim": 8, "logit_scale": 0.5, **_WINDOW},
    "granite": {
        **_GROUPED,
        "logits_scaling": 2.0,
        "residual_multiplier": 0.5,
        "attention_multiplier": 0.3,
        "embedding_multiplier": 2.0,
    },
    "smollm3": _GROUPED,
    "glm4": {**_GROUPED, "head_dim": 16},
    "exaone4": {**_GROUPED, "head_dim": 16, **_WINDOW},
    "nemotron": _GROUPED,
    "mixtral": {**_GROUPED, "num_local_experts": 4, "num_experts_per_tok": 2},
    "qwen3_moe": {**_GROUPED, "head_dim": 16, **_EXPERTS},
    "gpt_oss": {
        **_GROUPED,
        "head_dim": 16,
        "num_local_experts": 4,
        "num_experts_per_tok": 2,
        **_WINDOW,
    },
    "deepseek_v3": {
        **_MULTI_HEAD,
        "num_key_value_heads": 4,
        "moe_intermediate_size": 16,
        "n_routed_experts": 4,
        "num_experts_per_tok": 2,
        "n_group": 1,
        "topk_group": 1,
        "first_k_dense_replace": 1,
        "q_lora_rank": 16,
        "kv_lora_rank": 16,
        "qk_rope_head_dim": 8,
        "qk_nope_head_dim": 8,
        "v_head_dim": 8,
    },
    "lfm2": {**_GROUPED, "layer_types": ["full_attention", "conv"]},
    "qwen3_next": {
        **_GROUPED,
        "head_dim": 16,
        **_EXPERTS,
        "shared_expert_intermediate_size": 16,
        "linear_num_key_heads": 2,
        "linear_num_value_heads": 4,
        "linear_key_head_dim": 8,
        "linear_value_head_dim": 8,
    },
    "mamba": {"vocab_size": VOCAB, "hidden_size": 32, "num_hidden_layers": 2, "state_size": 8},
    "rwkv": {
        "vocab_size": VOCAB,
        "hidden_size": 32,
        "attention_hidden_size": 32,
        "num_hidden_layers": 2,
        "context_length": 128,
    },
}
"""Config values by family: the model type, and a variant of it in brackets."""


def build(family: str) -> PreTrainedModel:
    """A model with random weights; biases and norms too, which begin as zeros and ones."""
    config = AutoConfig.for_model(family.partition(" ")[0], **FAMILIES[family])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model: PreTrainedModel = AutoModelForCausalLM.from_config(config).float().eval()
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.dim() == 1:
                    parameter += 0.1 * torch.randn(parameter.shape)
    return model
