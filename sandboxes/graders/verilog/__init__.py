"""Grader of circuits: rules for the source, a trusted test bench, traces compared by the host."""

from __future__ import annotations

from envgym.sandboxes.graders.verilog.analysis.coverage import cover
from envgym.sandboxes.graders.verilog.analysis.equivalence import Equivalence, Proof, equivalent
from envgym.sandboxes.graders.verilog.analysis.golden_analysis import Examined, analyse, examine
from envgym.sandboxes.graders.verilog.analysis.ports import Interface, Port, Reset
from envgym.sandboxes.graders.verilog.judge import (
    Golden,
    TooSlow,
    grade_design,
    record_golden,
)
from envgym.sandboxes.graders.verilog.source.lint import lint
from envgym.sandboxes.graders.verilog.stimulus.stimulus import Stimulus
from envgym.sandboxes.graders.verilog.stimulus.stimulus_plan import Run, alike, fitted
from envgym.sandboxes.graders.verilog.tools.tool_session import ToolSession

ToolBox = ToolSession  # its former name, for one release

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
    "ToolSession",
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
