"""A circuit in the simulator: it can read no bench and no nonce, and no trace of its own counts."""

from __future__ import annotations

import asyncio
import re

import pytest

from envgym.sandboxes import Backend
from envgym.sandboxes.graders.harness.tool_runner import calls
from envgym.sandboxes.graders.verdict import Status
from envgym.sandboxes.graders.verilog import (
    Golden,
    Stimulus,
    ToolSession,
    alike,
    examine,
    grade_design,
    record_golden,
)
from envgym.sandboxes.graders.verilog import judge as judging
from envgym.sandboxes.graders.verilog.design_pipeline import _HIDDEN, DesignPipeline
from envgym.sandboxes.graders.verilog.source.lint import lint
from envgym.sandboxes.graders.verilog.source.preprocess import preprocess
from envgym.sandboxes.graders.verilog.tools.testbench import STIMULUS
from envgym.sandboxes.graders.verilog.tools.tool_commands import timed
from envgym.sandboxes.graders.verilog.tools.tool_session import Simulation, ToolStep
from tests.sandboxes.graders.verilog.designs import COUNTER, COUNTER_SOURCE, no_rules

pytestmark = pytest.mark.usefixtures("verilog_tools")
_WRONG = COUNTER_SOURCE.replace("count + 1", "count - 1").replace("endmodule", "")
# Reads the nonce in the bench, and writes a trace of its own where the bench's is awaited.
_FORGERY = """
reg [8*120:1] text; reg [8*60:1] name; integer bench, trace, n, got;
initial begin
  bench = $fopen("bench.sv", "r");
  for (n = 0; n < 3; n = n + 1) got = $fgets(text, bench);
  got = $sscanf(text, "  reg %s", name);
  trace = $fopen({"trace_", name, ".txt"}, "w");
  repeat (100) $fdisplay(trace, "0000000000");
  $finish;
end
"""
ENDS = ["\r", "\n", "\r\n", "\v", "\f", "\0", "\u2028", "\u2029", "\x85", "\x1a", "\b", "\x1c"]


async def _golden(tools: ToolSession) -> Golden:
    stimulus = Stimulus.random(COUNTER, 0, alike(1, 50))
    return await record_golden(tools, COUNTER_SOURCE, COUNTER, stimulus)


@pytest.mark.parametrize("end", ENDS)
def test_no_line_end_hides_code_behind_a_comment(end: str) -> None:
    hidden = _FORGERY.replace("\n", " ")
    source = f"`define A 1\n{_WRONG}\n// harmless{end}{hidden}\nendmodule"
    shown = lint(source, "counter")
    text = no_rules(source, "counter").text
    assert "//" not in text
    assert shown if end in "\r\n" else "fopen" not in text


@pytest.mark.parametrize("end", ["\r", "\n"])
async def test_a_forged_trace_is_none_with_and_without_the_rules(
    backend: Backend, tools: ToolSession, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    golden = await _golden(tools)
    source = f"`define A 1\n{_WRONG}// harmless{end}{_FORGERY}endmodule"
    verdict = await grade_design(backend, source, golden)
    assert verdict.cases[0].status is Status.REFUSED
    monkeypatch.setattr(judging, "check", no_rules)
    verdict = await grade_design(backend, source, golden)
    assert not verdict.passed
    right = preprocess(source.replace("count - 1", "count + 1")).text
    netlist = (await examine(tools, COUNTER_SOURCE)).netlist
    pipeline = DesignPipeline(
        tools, right, COUNTER, golden.stimulus, netlist=netlist, limits=judging.LIMITS
    )
    [stage] = [stage async for stage in pipeline.stages()]
    assert stage.trace is None
    assert "$fdisplay, $fgets, $finish, $fopen, $sscanf: not for circuits" in stage.words


@pytest.mark.parametrize(
    "task",
    [
        '$fopen("bench.sv", "r")',
        '$readmemh("bench.sv", m)',
        '$writememb("trace.txt", m)',
        '$fdisplay(1, "x")',
        '$system("id")',
        '$dumpfile("trace.txt")',
        "$finish",
        "$display",
        '$value$plusargs("x=%d", m[0])',
    ],
)
async def test_what_the_bench_does_not_call_is_not_called(
    backend: Backend, tools: ToolSession, task: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    golden = await _golden(tools)
    monkeypatch.setattr(judging, "check", no_rules)
    body = f"reg [7:0] m [0:3]; integer f; initial if ({task}) f = 1;\nendmodule"
    if not task.startswith(("$fopen", "$system", "$value")):
        body = f"reg [7:0] m [0:3]; initial {task};\nendmodule"
    source = COUNTER_SOURCE.replace("endmodule", body)
    verdict = await grade_design(backend, source, golden)
    assert not verdict.passed


_PEEK = """
module peek;
  integer f, c; reg [8*200:1] line;
  task show(input [8*20:1] name); begin
    f = $fopen(name, "r");
    $fdisplay(32'h8000_0002, "%0s: %0d", name, f != 0);
    if (f) while ($fgets(line, f)) $fdisplay(32'h8000_0002, "read %0s", line);
  end endtask
  initial begin
    show("bench.sv"); show("design.sv"); show("plain.sv"); show("netlist.v"); show("ivl.conf");
    show("run.vvp"); show("/dev/stdin"); show("/proc/self/fd/0"); show("stimulus.txt");
  end
endmodule
"""


async def test_nothing_beside_a_simulation_names_its_trace(tools: ToolSession) -> None:
    """Also where it may call whatever it likes."""
    files = dict.fromkeys(_HIDDEN, b"SECRET in a file\n")
    files |= {"peek.sv": _PEEK.encode(), STIMULUS: b"00\n"}
    top = "module SECRET_bench; reg [7:0] SECRET; peek p(); initial SECRET = 1; endmodule"
    files["top.sv"] = top.encode()
    build = ToolStep(("iverilog", "-g2012", "-o", "run.vvp", "top.sv", "peek.sv"))
    may = ("$fopen", "$fgets", "$fdisplay")
    run = Simulation(program="run.vvp", hides=(*_HIDDEN, "top.sv"), may=may)
    done = await tools.run(files, [build, run])
    said = done[1].result.error_text
    assert "SECRET" not in said
    opened = dict(re.findall(r"^(\S+): (\d)$", said, re.MULTILINE))
    assert opened.pop("stimulus.txt") == "1"
    assert {name for name, there in opened.items() if there == "1"} <= {
        "/dev/stdin",
        "/proc/self/fd/0",
    }
    assert len(opened) == 8


def test_calls_are_read_from_a_program() -> None:
    program = (
        b'S_0x1 .scope package, "$unit" "$unit" 2 1;\nS_0x2 .scope begin, "$ivl_for_loop0" "x";\n'
        b'L_0x3 .sfunc 3 2 "$clog2", "v32v8", o0x4;\n    %vpi_func/s 3 3 "$sformatf", "%d";\n'
        b'    %vpi_call/w 3 4 "$dumpvars" {0 0 0};\nP_0x5 .param/str "P" 0 1, "$finish";\n'
    )
    assert calls(program) == ["$clog2", "$sformatf", "$dumpvars"]


async def test_long_sources_are_read_beside_the_loop(backend: Backend, tools: ToolSession) -> None:
    golden = await _golden(tools)
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            await asyncio.sleep(0.001)
            beats += 1

    beating = asyncio.create_task(beat())
    verdict = await grade_design(backend, "a.b," * (1 << 17), golden)
    beating.cancel()
    assert not verdict.passed
    assert beats > 5


def test_messages_name_lines_of_the_design() -> None:
    assert timed("a\nb").split("\n")[-3:] == ['`line 1 "design.sv" 0', "a", "b"]
