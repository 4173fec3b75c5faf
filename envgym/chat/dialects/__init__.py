"""Dialects: the formats in which models write tool calls, one per file."""

from __future__ import annotations

from envgym.chat.dialects import families
from envgym.chat.dialects.base import DIALECTS, Dialect, dialect, register_dialect
from envgym.chat.dialects.choice import resolve_dialect
from envgym.chat.dialects.code import Code
from envgym.chat.dialects.hermes import Hermes
from envgym.chat.dialects.native import Native
from envgym.chat.dialects.tags import Tags

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
