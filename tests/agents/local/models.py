"""Tiny random models, and what they should say: one plain forward at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedModel,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

VOCAB = 64
LLAMA = {
    "vocab_size": VOCAB,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "initializer_range": 0.5,  # peaked enough that greedy ids do not hang on rounding
    "eos_token_id": None,
    "bos_token_id": None,
    "pad_token_id": 0,
}


def qwen3(**changes: object) -> PreTrainedModel:
    return Qwen3ForCausalLM(Qwen3Config(**LLAMA | {"head_dim": 16} | changes))


def qwen2(**changes: object) -> PreTrainedModel:
    model = Qwen2ForCausalLM(Qwen2Config(**LLAMA | {"tie_word_embeddings": True} | changes))
    for layer in model.model.layers:  # biases start at zero, where nobody would miss them
        for name in ("q_proj", "k_proj", "v_proj"):
            torch.nn.init.normal_(getattr(layer.self_attn, name).bias)
    return model


def llama(**changes: object) -> PreTrainedModel:
    return LlamaForCausalLM(LlamaConfig(**LLAMA | changes))


def llama3_rope() -> PreTrainedModel:
    rope = {
        "rope_type": "llama3",
        "rope_theta": 100.0,
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 32,
    }
    return llama(rope_parameters=rope, num_key_value_heads=1, tie_word_embeddings=True)


def yarn_rope() -> PreTrainedModel:
    rope = {
        "rope_type": "yarn",
        "rope_theta": 1000.0,
        "factor": 4.0,
        "original_max_position_embeddings": 128,
    }
    return qwen3(rope_parameters=rope)


def mistral(**changes: object) -> PreTrainedModel:
    return MistralForCausalLM(MistralConfig(**LLAMA | {"sliding_window": None} | changes))


def gpt2() -> PreTrainedModel:
    sizes = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 512}
    ends = {"bos_token_id": None, "eos_token_id": None, "pad_token_id": 0}
    return GPT2LMHeadModel(GPT2Config(vocab_size=VOCAB, initializer_range=0.5, **sizes, **ends))


def neox() -> PreTrainedModel:
    sizes = {k: v for k, v in LLAMA.items() if k != "num_key_value_heads"}
    return GPTNeoXForCausalLM(GPTNeoXConfig(**sizes))


LEAN: dict[str, Callable[[], PreTrainedModel]] = {
    "qwen3": qwen3,
    "qwen3-tied": lambda: qwen3(tie_word_embeddings=True),
    "qwen2": qwen2,
    "llama": llama,
    "llama-biased": lambda: llama(attention_bias=True, mlp_bias=True, num_key_value_heads=4),
    "llama3-rope": llama3_rope,
    "yarn": yarn_rope,
    "mistral": mistral,
}
GENERIC: dict[str, Callable[[], PreTrainedModel]] = {
    "gpt2": gpt2,
    "neox": neox,
    "mistral-sliding": lambda: mistral(sliding_window=6),
}
EVERY = LEAN | GENERIC


def build(name: str) -> PreTrainedModel:
    torch.manual_seed(0)
    return EVERY[name]().eval()


def prompt(length: int, seed: int = 0) -> list[int]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(1, VOCAB, (length,), generator=generator).tolist()


@torch.no_grad()
def generated(model: PreTrainedModel, ids: Sequence[int], count: int) -> list[int]:
    """What `model.generate` takes greedily."""
    out = model.generate(
        torch.tensor([list(ids)]),
        attention_mask=torch.ones(1, len(ids), dtype=torch.long),
        max_new_tokens=count,
        do_sample=False,
        pad_token_id=0,
    )
    return out[0, len(ids) :].tolist()


@torch.no_grad()
def logprobs(
    model: PreTrainedModel, ids: Sequence[int], out: Sequence[int], temperature: float = 1.0
) -> torch.Tensor:
    """Log-probs of `out` after `ids` by one full forward."""
    logits = model(torch.tensor([[*ids, *out]])).logits[0, len(ids) - 1 : -1]
    every = torch.log_softmax(logits.float() / temperature, -1)
    return every.gather(-1, torch.tensor(list(out))[:, None])[:, 0]
