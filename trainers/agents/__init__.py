"""Agents of a run: the policy's, those of other seats, and judges. One file per kind."""

from __future__ import annotations

from envgym.trainers.agents.base import AgentPlugin
from envgym.trainers.agents.local import Frozen, Local
from envgym.trainers.agents.vllm import Vllm

__all__ = ["AgentPlugin", "Frozen", "Local", "Vllm"]
