"""Common settings of all sides of `bench engine`: model, tokenizer, script and sizes.

Imports torch and transformers alone: it runs in the peers' environment too.
"""

from __future__ import annotations

import resource
from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

EPISODES = 8
TURNS = 5  # four calls and a last word
SAMPLED = 64  # tokens a turn
STEPS = 3  # measured ones, after one to warm up
SPECIAL = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<tool_call>",
    "</tool_call>",
    "<tool_response>",
    "</tool_response>",
)
PROMPT = "Walk to the exit of the maze. Call move once a turn; say so when you are out. " * 2
WALL = "You moved. There is a wall ahead."


def tokenizer() -> Any:
    """Bytes and seven special tokens, 263 in all, with TRL's own Qwen2.5 template."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    bytes_only = Tokenizer(models.BPE({c: i for i, c in enumerate(alphabet)}, []))
    bytes_only.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    bytes_only.decoder = decoders.ByteLevel()
    bytes_only.add_special_tokens([AddedToken(s, normalized=False) for s in SPECIAL[:3]])
    bytes_only.add_tokens([AddedToken(s, normalized=False) for s in SPECIAL[3:]])
    [template] = (
        Path(__file__)
        .resolve()
        .parents[2]
        .glob(".venv-bench/engine/lib/python*/site-packages/trl/chat_templates/qwen2_5.jinja")
    )
    made = PreTrainedTokenizerFast(
        tokenizer_object=bytes_only, eos_token="<|im_end|>", pad_token="<|endoftext|>"
    )
    made.chat_template = template.read_text()
    return made


def model() -> Any:
    """A random Qwen2: 4 layers of width 128, 1.1 million parameters."""
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=263,
        hidden_size=128,
        intermediate_size=512,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=4096,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=None,
        pad_token_id=256,
    )
    return Qwen2ForCausalLM(config)


def scripted(ids: list[int], member: int, turn: int, tokens: Any) -> list[int]:
    """Sampled tokens with their end overwritten by the script's, and no other markup.

    Odd members turn right, even ones left, so that rewards differ within the group.
    """
    if turn < TURNS - 1:
        to = "right" if member % 2 else "left"
        text = f'<tool_call>\n{{"name": "move", "arguments": {{"to": "{to}"}}}}\n</tool_call>'
    else:
        text = "Out."
    end = [*tokens.encode(text, add_special_tokens=False), tokens.eos_token_id]
    plain = tokens.encode("a", add_special_tokens=False)[0]
    free = [plain if i >= len(tokens) - len(SPECIAL) else i for i in ids]
    free += [plain] * (SAMPLED - len(free))
    return [*free[: SAMPLED - len(end)], *end]


def peak_mib() -> float:
    """The most memory this process has had resident."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
