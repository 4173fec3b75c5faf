"""Advantages: from rewards to the credit of each action token. One file per method."""

from __future__ import annotations

from envgym.trainers.advantages.base import Advantage
from envgym.trainers.advantages.brpo import Brpo
from envgym.trainers.advantages.dr_irl import DrIrl
from envgym.trainers.advantages.gae import BiLevelGae, Gae, TurnGae
from envgym.trainers.advantages.gdpo import Gdpo
from envgym.trainers.advantages.gigpo import Gagpo, Gigpo, Hgpo
from envgym.trainers.advantages.grpo import DrGrpo, Grpo, LitePpo
from envgym.trainers.advantages.maxrl import MaxRl
from envgym.trainers.advantages.otb import OptimalTokenBaseline
from envgym.trainers.advantages.psr_nsr import Nsr, Psr, WReinforce
from envgym.trainers.advantages.recap import Recap
from envgym.trainers.advantages.reinforce import ReinforcePlusPlus, ReinforcePlusPlusBaseline
from envgym.trainers.advantages.rloo import Rloo
from envgym.trainers.advantages.turn_returns import TurnReturns

__all__ = [
    "Advantage",
    "BiLevelGae",
    "Brpo",
    "DrGrpo",
    "DrIrl",
    "Gae",
    "Gagpo",
    "Gdpo",
    "Gigpo",
    "Grpo",
    "Hgpo",
    "LitePpo",
    "MaxRl",
    "Nsr",
    "OptimalTokenBaseline",
    "Psr",
    "Recap",
    "ReinforcePlusPlus",
    "ReinforcePlusPlusBaseline",
    "Rloo",
    "TurnGae",
    "TurnReturns",
    "WReinforce",
]
