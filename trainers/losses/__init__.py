"""Losses: per-token terms; normalisation is done outside, once, over the whole batch."""

from __future__ import annotations

from envgym.trainers.losses.base import Loss, LossInputs
from envgym.trainers.losses.clip import Clip
from envgym.trainers.losses.kl import Kl
from envgym.trainers.losses.sft import Sft

__all__ = ["Clip", "Kl", "Loss", "LossInputs", "Sft"]
