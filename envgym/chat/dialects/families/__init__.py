"""Tool-call formats of model families, one per file."""

from __future__ import annotations

from envgym.chat.dialects.families.deepseek import DeepSeekV3, DeepSeekV31
from envgym.chat.dialects.families.deepseek_dsml import DeepSeekV32
from envgym.chat.dialects.families.glm import Glm
from envgym.chat.dialects.families.harmony import Harmony
from envgym.chat.dialects.families.kimi import Kimi
from envgym.chat.dialects.families.llama import Llama
from envgym.chat.dialects.families.mistral import Mistral, MistralList
from envgym.chat.dialects.families.pythonic import Lfm, Pythonic
from envgym.chat.dialects.families.qwen3_coder import Qwen3Coder

__all__ = [
    "DeepSeekV3",
    "DeepSeekV31",
    "DeepSeekV32",
    "Glm",
    "Harmony",
    "Kimi",
    "Lfm",
    "Llama",
    "Mistral",
    "MistralList",
    "Pythonic",
    "Qwen3Coder",
]
