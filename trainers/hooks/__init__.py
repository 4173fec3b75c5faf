"""Hooks: what else happens around a step. One file a method."""

from __future__ import annotations

from envgym.trainers.hooks.base import Hook
from envgym.trainers.hooks.tensorboard import TensorBoard

__all__ = ["Hook", "TensorBoard"]
