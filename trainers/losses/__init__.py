"""Losses: per-token terms; the caller normalises once, over the whole batch."""

from __future__ import annotations

from envgym.trainers.losses.a_lol import ALol, ALolRefFree
from envgym.trainers.losses.base import Loss, LossInputs
from envgym.trainers.losses.cispo import Cispo
from envgym.trainers.losses.clip import Clip, Dapo
from envgym.trainers.losses.decoupled import Decoupled, IcePop, Tis
from envgym.trainers.losses.distill import Distill, SelfDistill
from envgym.trainers.losses.dpo import Dpo
from envgym.trainers.losses.dppo import DppoTv
from envgym.trainers.losses.gspo import Gspo
from envgym.trainers.losses.guide import GuideLoss
from envgym.trainers.losses.kl import Kl
from envgym.trainers.losses.modpo import Modpo
from envgym.trainers.losses.sft import Sft

__all__ = [
    "ALol",
    "ALolRefFree",
    "Cispo",
    "Clip",
    "Dapo",
    "Decoupled",
    "Distill",
    "Dpo",
    "DppoTv",
    "Gspo",
    "GuideLoss",
    "IcePop",
    "Kl",
    "Loss",
    "LossInputs",
    "Modpo",
    "SelfDistill",
    "Sft",
    "Tis",
]
