"""Agents. Those here need no learning library; `envgym.agents.local` imports torch."""

from __future__ import annotations

from envgym.agents.openai import OpenAIAgent
from envgym.agents.oracle import OracleAgent
from envgym.agents.random_agent import RandomAgent
from envgym.agents.scripted import ScriptedAgent

__all__ = ["OpenAIAgent", "OracleAgent", "RandomAgent", "ScriptedAgent"]
