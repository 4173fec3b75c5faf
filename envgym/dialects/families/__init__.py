"""How each model family writes tool calls, one file a form."""

from __future__ import annotations

from envgym.dialects.families.deepseek import DeepSeekV3, DeepSeekV31
from envgym.dialects.families.deepseek_dsml import DeepSeekV32
from envgym.dialects.families.glm import Glm
from envgym.dialects.families.harmony import Harmony
from envgym.dialects.families.kimi import Kimi
from envgym.dialects.families.llama import Llama
from envgym.dialects.families.mistral import Mistral, MistralList
from envgym.dialects.families.pythonic import Lfm, Pythonic
from envgym.dialects.families.qwen3_coder import Qwen3Coder

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
