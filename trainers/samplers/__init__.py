"""Samplers (curricula): which tasks the next step plays. One file a method."""

from __future__ import annotations

from envgym.trainers.samplers.adaptive import Adaptive
from envgym.trainers.samplers.base import Sampler
from envgym.trainers.samplers.uniform import Uniform

__all__ = ["Adaptive", "Sampler", "Uniform"]
