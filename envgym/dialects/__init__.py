"""The ways models write tool calls, one file each."""

from __future__ import annotations

from envgym.dialects import families
from envgym.dialects.base import DIALECTS, Dialect, dialect, register_dialect
from envgym.dialects.choice import resolve_dialect
from envgym.dialects.code import Code
from envgym.dialects.hermes import Hermes
from envgym.dialects.native import Native
from envgym.dialects.tags import Tags

__all__ = [
    "DIALECTS",
    "Code",
    "Dialect",
    "Hermes",
    "Native",
    "Tags",
    "dialect",
    "families",
    "register_dialect",
    "resolve_dialect",
]
