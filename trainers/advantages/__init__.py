"""Advantages: from rewards to what each action token is credited with. One file a method."""

from __future__ import annotations

from envgym.trainers.advantages.base import Advantage
from envgym.trainers.advantages.grpo import Grpo

__all__ = ["Advantage", "Grpo"]
