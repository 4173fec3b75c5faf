"""Composers: which samples of a step make up the optimiser's batches, and in what order."""

from __future__ import annotations

from envgym.trainers.composers.base import Composer
from envgym.trainers.composers.c3po import C3po
from envgym.trainers.composers.delayed import Delayed
from envgym.trainers.composers.replay import Replay
from envgym.trainers.composers.rorecomp import RoRecomp
from envgym.trainers.composers.shuffled import Shuffled

__all__ = ["C3po", "Composer", "Delayed", "Replay", "RoRecomp", "Shuffled"]
