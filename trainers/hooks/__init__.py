"""Hooks: further actions at the start of a run, after each step and at the end."""

from __future__ import annotations

from envgym.trainers.hooks.base import Hook
from envgym.trainers.hooks.next import Next
from envgym.trainers.hooks.tensorboard import TensorBoard
from envgym.trainers.hooks.tracking import TrackingHook
from envgym.trainers.hooks.trackio import Trackio
from envgym.trainers.hooks.wandb import Wandb

__all__ = ["Hook", "Next", "TensorBoard", "TrackingHook", "Trackio", "Wandb"]
