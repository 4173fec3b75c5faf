"""Tiny models with random weights, so that the whole stack runs and learns without a download."""

from __future__ import annotations

from envgym.agents.tiny.model import (
    BASE,
    TinyConfig,
    build_model,
    load_model,
    load_tokenizer,
    save_model,
)
from envgym.agents.tiny.pretrain_copying import CopyingPhase, learn_to_copy
from envgym.agents.tiny.pretrain_reading import ReadingPhase, learn_to_read
from envgym.agents.tiny.tokenizer import train_tokenizer

__all__ = [
    "BASE",
    "CopyingPhase",
    "ReadingPhase",
    "TinyConfig",
    "build_model",
    "learn_to_copy",
    "learn_to_read",
    "load_model",
    "load_tokenizer",
    "save_model",
    "train_tokenizer",
]
