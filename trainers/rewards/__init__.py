"""Rewards: what an episode is trained on, from its turns and score. One file a method."""

from __future__ import annotations

from envgym.trainers.rewards.base import Reward
from envgym.trainers.rewards.environment import EnvironmentReward
from envgym.trainers.rewards.overlong import Overlong

__all__ = ["EnvironmentReward", "Overlong", "Reward"]
