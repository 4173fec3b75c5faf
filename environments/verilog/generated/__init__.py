"""Generated designs: specification, golden circuit and mutants, without a download."""

from __future__ import annotations

from envgym.environments.verilog.generated.builder import Design, Draft
from envgym.environments.verilog.generated.families import FAMILIES, draw

__all__ = ["FAMILIES", "Design", "Draft", "draw"]
