"""Generated designs: specification, golden circuit and mutants, without end and without a "
"download."""

from __future__ import annotations

from envgym.environments.verilog.designs.draft import Design, Draft
from envgym.environments.verilog.designs.families import FAMILIES, draw

__all__ = ["FAMILIES", "Design", "Draft", "draw"]
