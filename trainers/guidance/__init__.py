"""Guidance: how a step's groups are played, with or without hints. One file a method."""

from __future__ import annotations

from envgym.trainers.guidance.base import Guidance, Play
from envgym.trainers.guidance.none import NoGuidance

__all__ = ["Guidance", "NoGuidance", "Play"]
