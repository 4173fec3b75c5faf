"""Local generation: any Hugging Face causal LM in this process, with batching and a KV cache."""

from __future__ import annotations

from envgym.agents.local.agent import LocalAgent
from envgym.agents.local.engine import Engine
from envgym.agents.local.request import EngineStats, Finish, Generation
from envgym.agents.local.sampling import SamplingParams

__all__ = ["Engine", "EngineStats", "Finish", "Generation", "LocalAgent", "SamplingParams"]
