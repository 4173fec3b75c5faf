"""Tiny model: a Qwen3 architecture with a few hundred thousand parameters."""

from __future__ import annotations

from pathlib import Path

import torch
from pydantic import BaseModel, ConfigDict, Field
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from envgym.agents.tiny.induction_init import add_induction
from envgym.errors import UsageError

BASE = Path(__file__).with_name("base")  # the small model that comes with envgym


class TinyConfig(BaseModel):
    """Shape of a tiny model."""

    model_config = ConfigDict(extra="forbid")

    vocab_size: int = Field(512, ge=300, description="Tokens of the tokenizer.")
    hidden: int = Field(128, description="Width.")
    layers: int = Field(2, ge=1, description="Transformer blocks.")
    heads: int = Field(4, description="Attention heads.")
    kv_heads: int = Field(4, description="Key-value heads.")
    intermediate: int = Field(256, description="Width of the gated MLP.")
    context: int = Field(1024, description="Most tokens of a context.")
    induction: bool = Field(False, description="Whether it starts with induction heads.")
    look_back: int = Field(2, ge=1, description="Tokens before that induction heads go by.")


def build_model(
    config: TinyConfig, tokenizer: PreTrainedTokenizerBase, seed: int
) -> Qwen3ForCausalLM:
    """Build a model with random weights drawn from `seed`."""
    shape = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=config.hidden,
        intermediate_size=config.intermediate,
        num_hidden_layers=config.layers,
        num_attention_heads=config.heads,
        num_key_value_heads=config.kv_heads,
        head_dim=config.hidden // config.heads,
        max_position_embeddings=config.context,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Qwen3ForCausalLM(shape)
    if config.induction:
        add_induction(model, config.look_back, torch.Generator().manual_seed(seed))
    return model


def save_model(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, directory: str | Path
) -> None:
    """Write a model directory any Hugging Face loader reads."""
    model.save_pretrained(directory)
    tokenizer.save_pretrained(directory)


def load_model(
    path: str | Path, dtype: str = "float32"
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Load a causal LM and its tokenizer from a directory or a hub name.

    Raises:
        UsageError: The directory lacks a model, a tokenizer or a chat template.
    """
    try:
        model = AutoModelForCausalLM.from_pretrained(path, dtype=dtype)
    except (OSError, ValueError) as error:
        raise UsageError(f"no model in {str(path)!r}: {_first_line(error)}") from error
    return model, load_tokenizer(path)


def load_tokenizer(path: str | Path) -> PreTrainedTokenizerBase:
    """Load a tokenizer with a chat template from a directory or a hub name.

    Raises:
        UsageError: The directory lacks a tokenizer or a chat template.
    """
    # Transformers makes an empty tokenizer up where a directory has none.
    if Path(path).is_dir() and not any(Path(path).glob("*token*")):
        raise UsageError(f"no tokenizer in {str(path)!r}: save it beside the model")
    try:
        tokenizer = AutoTokenizer.from_pretrained(path)
    except (OSError, ValueError, KeyError) as error:
        raise UsageError(
            f"no tokenizer in {str(path)!r}: save it beside the model ({_first_line(error)})"
        ) from error
    if not tokenizer.chat_template:
        raise UsageError(f"the tokenizer in {str(path)!r} has no chat template: add one")
    return tokenizer


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0]
