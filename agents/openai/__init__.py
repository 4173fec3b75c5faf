"""Any OpenAI-compatible chat endpoint as an agent."""

from __future__ import annotations

from envgym.agents.openai.agent import OpenAIAgent

__all__ = ["OpenAIAgent"]
