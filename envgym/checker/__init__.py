"""The checker: tells authors what is wrong with an environment, and what fixes it."""

from __future__ import annotations

from envgym.checker.report import Finding, Report
from envgym.checker.run import CHECKS, Examination, check, check_id

__all__ = ["CHECKS", "Examination", "Finding", "Report", "check", "check_id"]
