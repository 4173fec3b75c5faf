"""Composers: which samples of a step make up the optimiser's batches, and in what order."""

from __future__ import annotations

from envgym.trainers.batching.base import Composer
from envgym.trainers.batching.c3po import C3po
from envgym.trainers.batching.fixed_staleness import Delayed
from envgym.trainers.batching.minibatch import Shuffled
from envgym.trainers.batching.replay import Replay
from envgym.trainers.batching.rorecomp import RoRecomp

__all__ = ["C3po", "Composer", "Delayed", "Replay", "RoRecomp", "Shuffled"]
