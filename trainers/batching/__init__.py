"""Batching: the batches of a step, which samples they hold and in what order."""

from __future__ import annotations

from envgym.trainers.batching.base import Batching, Composer
from envgym.trainers.batching.c3po import C3po
from envgym.trainers.batching.fixed_staleness import Delayed
from envgym.trainers.batching.minibatch import Shuffled
from envgym.trainers.batching.priority import Priority
from envgym.trainers.batching.replay import Replay
from envgym.trainers.batching.rorecomp import RoRecomp

__all__ = ["Batching", "C3po", "Composer", "Delayed", "Priority", "Replay", "RoRecomp", "Shuffled"]
