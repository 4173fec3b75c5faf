"""Hooks: further actions at the start of a run, after each step and at the end."""

from __future__ import annotations

from envgym.trainers.hooks.base import Hook
from envgym.trainers.hooks.next import Next
from envgym.trainers.hooks.tensorboard import TensorBoard

__all__ = ["Hook", "Next", "TensorBoard"]
