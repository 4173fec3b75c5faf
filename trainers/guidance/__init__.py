"""Guidance: playing a step's groups, with hints or without. One file per method."""

from __future__ import annotations

from envgym.trainers.guidance.base import Guidance
from envgym.trainers.guidance.none import NoGuidance

__all__ = ["Guidance", "NoGuidance"]
