"""Agent for any OpenAI-compatible chat endpoint."""

from __future__ import annotations

from envgym.agents.openai.agent import OpenAIAgent

__all__ = ["OpenAIAgent"]
