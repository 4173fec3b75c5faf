"""Stimulus: rows of input bits that drive a circuit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envgym.utils.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from envgym.sandboxes.graders.verilog.stimulus.stimulus import Stimulus

__all__ = ["Stimulus"]

__getattr__ = lazy_exports(__name__, {"stimulus": ("Stimulus",)})
