"""Derived samples: made from what was played, before rewards. One file per method."""

from __future__ import annotations

from envgym.trainers.derive.base import Derive, Tools
from envgym.trainers.derive.pairs import Pairs

__all__ = ["Derive", "Pairs", "Tools"]
