from __future__ import annotations

import re

from envgym.sandboxes.graders.verilog import Stimulus, alike
from envgym.sandboxes.graders.verilog.tools.testbench import driver
from tests.sandboxes.graders.verilog.designs import COUNTER

MARK = "0123456789abcdef"
_WORDS = {
    "module",
    "endmodule",
    "reg",
    "wire",
    "initial",
    "begin",
    "end",
    "repeat",
    "readmemh",
    "writememb",
    "finish",
    "timescale",
    "ns",
    "b1",
    "x",
}


def test_a_design_can_name_nothing_of_its_bench_and_of_its_netlist() -> None:
    stimulus = Stimulus.random(COUNTER, 0, alike(1, 8))
    source = driver(COUNTER, stimulus, MARK, (COUNTER.module, f"netlist_{MARK}"))
    source = re.sub(r'"[^"]*"', "", source)
    named = re.sub(r"\.\w+\(", "(", source)  # ports by name are the design's own
    words = set(re.findall(r"[A-Za-z_]\w*", named)) - _WORDS - {COUNTER.module}
    assert words
    assert {word for word in words if MARK not in word} == set()


def test_source_and_netlist_share_no_wire() -> None:
    stimulus = Stimulus.random(COUNTER, 0, alike(1, 8))
    source = driver(COUNTER, stimulus, MARK, (COUNTER.module, f"netlist_{MARK}"))
    instances = re.findall(r"^\s*(?:netlist_)?\w+ dut_\w+ \((.*)\);$", source, re.MULTILINE)
    wires = [set(re.findall(r"\.\w+\((\w+)\)", ports)) for ports in instances]
    assert len(wires) == 2
    assert wires[0] & wires[1] == set()
