"""Judging circuits: rules for the source, a trusted driver, traces compared by the host."""

from __future__ import annotations

from envgym.sandboxes.graders.verilog.analyse import Examined, analyse, examine
from envgym.sandboxes.graders.verilog.coverage import cover
from envgym.sandboxes.graders.verilog.equivalence import Equivalence, Proof, equivalent
from envgym.sandboxes.graders.verilog.interface import Interface, Port, Reset
from envgym.sandboxes.graders.verilog.judge import (
    Golden,
    TooSlow,
    grade_design,
    record_golden,
)
from envgym.sandboxes.graders.verilog.lint import lint
from envgym.sandboxes.graders.verilog.runs import Run, alike, fitted
from envgym.sandboxes.graders.verilog.stimulus import Stimulus
from envgym.sandboxes.graders.verilog.toolbox import ToolBox

__all__ = [
    "Equivalence",
    "Examined",
    "Golden",
    "Interface",
    "Port",
    "Proof",
    "Reset",
    "Run",
    "Stimulus",
    "TooSlow",
    "ToolBox",
    "alike",
    "analyse",
    "cover",
    "equivalent",
    "examine",
    "fitted",
    "grade_design",
    "lint",
    "record_golden",
]
