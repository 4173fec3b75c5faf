"""Guidance: playing a step's groups, with hints or without. One file per method."""

from __future__ import annotations

from envgym.trainers.guidance.agent_rlvr import AgentRlvr
from envgym.trainers.guidance.base import Guidance
from envgym.trainers.guidance.cog_rethinker import CogRethinker
from envgym.trainers.guidance.ghpo import Ghpo
from envgym.trainers.guidance.guide import Guide
from envgym.trainers.guidance.intervention import Intervention
from envgym.trainers.guidance.knowledge import Knowledge
from envgym.trainers.guidance.none import NoGuidance
from envgym.trainers.guidance.prefix_rl import PrefixRl
from envgym.trainers.guidance.regft import Regft
from envgym.trainers.guidance.relift import Relift
from envgym.trainers.guidance.reroll import Reroll
from envgym.trainers.guidance.ssb import Ssb
from envgym.trainers.guidance.teacher import Teacher

__all__ = [
    "AgentRlvr",
    "CogRethinker",
    "Ghpo",
    "Guidance",
    "Guide",
    "Intervention",
    "Knowledge",
    "NoGuidance",
    "PrefixRl",
    "Regft",
    "Relift",
    "Reroll",
    "Ssb",
    "Teacher",
]
