"""Samplers (curricula): which tasks the next step plays. One file a method."""

from __future__ import annotations

from envgym.trainers.samplers.base import Sampler
from envgym.trainers.samplers.uniform import Uniform

__all__ = ["Sampler", "Uniform"]
