"""Rewards: training rewards from an episode's turns and score. One file per method."""

from __future__ import annotations

from envgym.trainers.rewards.base import Reward
from envgym.trainers.rewards.environment import EnvironmentReward, Metric, Score
from envgym.trainers.rewards.judge_noise import JudgeNoise
from envgym.trainers.rewards.kl import KlReward
from envgym.trainers.rewards.length import Length
from envgym.trainers.rewards.overlong import Overlong
from envgym.trainers.rewards.process import ProcessClip, ProcessDelta
from envgym.trainers.rewards.spark import Spark
from envgym.trainers.rewards.trapo import Trapo

__all__ = [
    "EnvironmentReward",
    "JudgeNoise",
    "KlReward",
    "Length",
    "Metric",
    "Overlong",
    "ProcessClip",
    "ProcessDelta",
    "Reward",
    "Score",
    "Spark",
    "Trapo",
]
