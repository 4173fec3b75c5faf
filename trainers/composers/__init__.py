"""Composers: which samples of a step make up the optimiser's batches, and in what order."""

from __future__ import annotations

from envgym.trainers.composers.base import Composer
from envgym.trainers.composers.shuffled import Shuffled

__all__ = ["Composer", "Shuffled"]
