"""Knights and knaves: logic puzzles about who tells the truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envgym.utils.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from envgym.environments.puzzles.knights.environment import Knights

__all__ = ["Knights"]

__getattr__ = lazy_exports(__name__, {"environment": ("Knights",)})
