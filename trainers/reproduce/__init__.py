"""Reproductions: a paper's claim in miniature, with a baseline, several seeds and a verdict."""

from __future__ import annotations

from envgym.trainers.reproduce.report import last_result, read_result, write_report
from envgym.trainers.reproduce.run import reproduce
from envgym.trainers.reproduce.spec import Reproduction, load_reproduction, reproductions
from envgym.trainers.reproduce.statistics import Verdict

__all__ = [
    "Reproduction",
    "Verdict",
    "last_result",
    "load_reproduction",
    "read_result",
    "reproduce",
    "reproductions",
    "write_report",
]
