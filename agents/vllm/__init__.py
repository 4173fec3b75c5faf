"""Agents on inference servers that speak vLLM's token protocol, with weights from a learner."""

from __future__ import annotations

from envgym.agents.vllm.agent import VllmAgent
from envgym.agents.vllm.weight_sync import SyncStep, WeightSyncError

__all__ = ["SyncStep", "VllmAgent", "WeightSyncError"]
