"""Checker: test an environment against the contract and name the likely fix of each problem."""

from __future__ import annotations

from envgym.checker.report import Finding, Report
from envgym.checker.run import CHECKS, Examination, check, check_id

__all__ = ["CHECKS", "Examination", "Finding", "Report", "check", "check_id"]
