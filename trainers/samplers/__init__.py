"""Samplers (curricula): choice of the tasks of the next step. One file per method."""

from __future__ import annotations

from envgym.trainers.samplers.adaptive import Adaptive
from envgym.trainers.samplers.base import Sampler
from envgym.trainers.samplers.uniform import Uniform

__all__ = ["Adaptive", "Sampler", "Uniform"]
