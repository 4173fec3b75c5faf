"""Rollouts: play episodes with an agent, many at once, and play recorded ones again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envgym.utils.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from envgym.rollout.runner import (
        Limits,
        Rollout,
        RolloutLimits,
        RolloutResult,
        Start,
        run_episode,
    )
    from envgym.rollout.transcript import Transcript

__all__ = [
    "Limits",
    "Rollout",
    "RolloutLimits",
    "RolloutResult",
    "Start",
    "Transcript",
    "run_episode",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "runner": (
            "Limits",
            "Rollout",
            "RolloutLimits",
            "RolloutResult",
            "Start",
            "run_episode",
        ),
        "transcript": ("Transcript",),
    },
)
