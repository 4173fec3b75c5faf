"""Derived samples: made from what was played, before rewards. One file per method."""

from __future__ import annotations

from envgym.trainers.derive.base import Derive, Tools

__all__ = ["Derive", "Tools"]
