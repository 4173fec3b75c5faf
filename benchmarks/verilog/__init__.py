"""Graded VerilogEval episodes in sandboxes, beside the data set's own harness, which has none.

Each side grades the same designs (`items.py`), sixteen at once, and has to find every right one
right and every wrong one wrong. Ours is a whole episode of ``verilog/design-v1``: reset, `submit`,
the score. ``cold`` is with nothing known of a problem: its golden design is analysed and simulated
first; ``cached`` is what every later episode of the same problem costs. The harness knows no such
difference: it is measured twice.
"""

from __future__ import annotations

from benchmarks.harness import OURS, Bench, Data, Side

BENCH = Bench(
    "verilog",
    sides=(
        Side(OURS, "verilog/ours.py", note="isolated; Yosys, then source and netlist simulated"),
        Side(
            "verilog_eval",
            "verilog/peer_verilog_eval.py",
            note="not isolated: its Makefile's commands (iverilog, timeout 30 vvp) and its log's "
            "line of mismatches, on its own test benches, written anew",
        ),
    ),
    rounds=3,
    data=Data(
        "verilog-eval/dataset_spec-to-rtl",
        "dataset_spec-to-rtl of github.com/NVlabs/verilog-eval",
    ),
)
