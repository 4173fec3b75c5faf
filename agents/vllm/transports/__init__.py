"""Transports: the ways in which a learner's weights reach a server."""

from __future__ import annotations

from envgym.agents.vllm.transports.base import Transport
from envgym.agents.vllm.transports.disk import DiskTransport
from envgym.agents.vllm.transports.lora import LoraTransport
from envgym.agents.vllm.transports.native import NativeTransport

__all__ = ["DiskTransport", "LoraTransport", "NativeTransport", "Transport"]
