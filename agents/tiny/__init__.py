"""Small models made from nothing, so that the whole stack runs, and learns, with no download."""

from __future__ import annotations

from envgym.agents.tiny.copying import CopyingPhase, learn_to_copy
from envgym.agents.tiny.model import TinyConfig, build_model, load_model, save_model
from envgym.agents.tiny.tokenizer import train_tokenizer

__all__ = [
    "CopyingPhase",
    "TinyConfig",
    "build_model",
    "learn_to_copy",
    "load_model",
    "save_model",
    "train_tokenizer",
]
