"""One reading of a design in the judge and in the agent's tools, however it was written."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

import envgym
from envgym import Action
from envgym.environments.verilog.problem import Problem
from envgym.environments.verilog.testbench_rules import check_bench, program_problems
from envgym.environments.verilog.write_design import VerilogDesign

REGISTER = """module top(input clk, input rst, input [3:0] d, output reg [3:0] q);
  always @(posedge clk) if (rst) q <= 0; else q <= d;
endmodule
"""
FALLING = REGISTER.replace("posedge", "negedge")
ASYNC = REGISTER.replace("posedge clk", "posedge clk or posedge rst")


@pytest.fixture
async def env(boxes: str) -> AsyncIterator[VerilogDesign]:
    made = envgym.make("verilog/design-v1", sandbox=boxes, sequences=4, steps=60, attempts=1)
    assert isinstance(made, VerilogDesign)
    async with made:
        yield made


async def begin(env: VerilogDesign, golden: str) -> None:
    task = Problem("p", "Do.", (golden,), "top").task("train")
    await env.reset(seed=0, options={"task": task})


async def score(env: VerilogDesign, golden: str, design: str) -> float:
    await begin(env, golden)
    step = await env.step(Action.call("submit", design=design))
    return float(step.info["score"])


async def said(env: VerilogDesign, name: str, **arguments: Any) -> str:
    step = await env.step(Action.call(name, **arguments))
    return step.observation.text


PAIR = """typedef struct packed {logic [3:0] x; logic [3:0] z;} p_t;
module top(input clk, input rst, input [3:0] d, output [3:0] q);
  p_t p, n;
  assign n.x = rst ? 4'd0 : d; assign n.z = ~n.x; assign q = p.x & ~p.z;
  always @(posedge clk) begin p.x <= n.x; p.z <= n.z; end
endmodule
"""
WAYS = {
    "delays": REGISTER.replace("<= ", "<= #1 "),
    "longer delays and a timescale": "`timescale 1ns/1ps\n" + REGISTER.replace("<= ", "<= #10 "),
    "a delay in ns": REGISTER.replace("<= ", "<= #1ns "),
    "a gate's delay": REGISTER.replace("reg [3:0] q", "[3:0] q")
    .replace("q <=", "r <=")
    .replace("  always", "  reg [3:0] r; assign #2.5 q = r;\n  always"),
    "attributes": '(* keep_hierarchy = "yes" *) '
    + REGISTER.replace("  always", '  (* ASYNC_REG = "TRUE", keep *) reg u;\n  always'),
    "a struct": PAIR,
    "a fence": f"```verilog\n{REGISTER}```",
    "a fence in prose": f"Here it is:\n\n```systemverilog\n{REGISTER}```\nIt resets first.",
    "Windows' lines": REGISTER.replace("\n", " // x\r\n"),
    "old Macintosh's lines": REGISTER.replace("\n", " // x\r"),
    "a guard": "`ifndef TOP\n`define TOP\n`default_nettype none\n"
    + REGISTER.replace("input", "input wire")
    + "`default_nettype wire\n`endif\n",
    "code for a simulator": REGISTER.replace(
        "endmodule", "`ifndef SYNTHESIS\ninitial $display;\n`endif\nendmodule"
    ),
    "macros": "`define ON(c, r) always @(posedge c) if (r)\n"
    + REGISTER.replace("always @(posedge clk) if (rst)", "`ON(clk, rst)"),
}


@pytest.mark.parametrize("way", WAYS)
async def test_a_right_design_is_right_in_any_of_these_ways(env: VerilogDesign, way: str) -> None:
    assert await score(env, REGISTER, WAYS[way]) == 1.0
    wrong = WAYS[way].replace("rst)", "!rst)").replace("rst ?", "!rst ?")
    assert await score(env, REGISTER, wrong) == 0.0


@pytest.mark.parametrize("way", [way for way in WAYS if "fence" not in way])
async def test_so_is_a_golden_one(env: VerilogDesign, way: str) -> None:
    assert await score(env, WAYS[way], REGISTER) == 1.0


async def test_the_bench_begins_without_an_edge(env: VerilogDesign) -> None:
    """Whatever it counts, a circuit that starts at 0 has counted nothing before the first row."""
    count = "module top(input clk, output reg [3:0] q);\n  initial q = 0;\n  {}\nendmodule"
    on = "always @({0}edge {1}) q <= q + 1;"
    inverted = "wire n = ~clk; wire m = ~n; "
    falling = count.format(on.format("neg", "clk"))
    rising = count.format(on.format("pos", "clk"))
    assert await score(env, falling, count.format(inverted + on.format("pos", "n"))) == 1.0
    assert await score(env, rising, count.format(inverted + on.format("neg", "n"))) == 1.0
    assert await score(env, rising, count.format(inverted + on.format("pos", "m"))) == 1.0
    assert await score(env, falling, rising) == 0.0


async def test_of_several_fenced_blocks_the_last_design_counts(env: VerilogDesign) -> None:
    await begin(env, REGISTER)
    text = f"First:\n```verilog\n{FALLING}```\nNo, this:\n```verilog\n{REGISTER}```\n```\nok\n```"
    bench = "```verilog\nmodule tb; initial $display(7); endmodule\n```"
    assert (await said(env, "simulate", testbench=bench, design=text)).strip() == "7"
    assert await said(env, "submit") == "Accepted: the design is right."


@pytest.mark.parametrize(
    "body",
    [
        "q <= rst ? 4'd0 : d;",
        "begin if (rst) q <= 0; q <= d; end",
        "if (d[0]) q <= 0; else q <= d;",
    ],
)
async def test_lint_says_what_yosys_refuses_and_why(env: VerilogDesign, body: str) -> None:
    await begin(env, ASYNC)
    design = ASYNC.replace("if (rst) q <= 0; else q <= d;", body)
    for name in ("lint", "synthesise", "submit"):
        text = await said(env, name, design=design)
        assert "Multiple edge sensitive events" in text
        assert "if (!rst_n) q <= CONSTANT; else" in text


async def test_lint_knows_no_fault_of_what_is_right(env: VerilogDesign) -> None:
    await begin(env, REGISTER)
    for design in (REGISTER, WAYS["delays"], WAYS["attributes"]):
        assert await said(env, "lint", design=design) == "No errors and no warnings."
    full = REGISTER.replace(
        "if (rst) q <= 0; else q <= d;",
        "(* keep, full_case *) case (rst) 0: q <= d; 1: q <= 0; endcase",
    )
    assert (await said(env, "lint", design=full)).startswith("warning: full_case is a promise")
    broken = REGISTER.replace("q <= d", "q <= e")
    assert "design.sv:2: " in await said(env, "lint", design=broken)


_PASTED = '$`F("/etc/passwd", "r")'
_READS = '$fopen("/etc/passwd", "r")'


@pytest.mark.parametrize(
    "bench",
    [
        f"module tb; // harmless\rinteger f; initial f = {_READS};\nendmodule",
        f"`define F fopen\nmodule tb; integer f;initial f = {_PASTED};\nendmodule",
        f"`define S $\nmodule tb; integer f; initial f = {_READS.replace('$', '`S')};\nendmodule",
        '`define I include\nmodule tb; // x\r`include "/etc/passwd"\nendmodule',
        'module tb; \\a/* ; initial $readmemh("/etc/passwd", m); // */\nendmodule',
        f"module tb; /*/ integer f; initial f = {_READS}; //*/\nendmodule",
        f'module tb; initial $display("\\\\"); integer f; initial f = {_READS}; //"\nendmodule',
        'module tb; real r; initial r = $table_model(1.0, "/etc/passwd", "1"); endmodule',
        'module tb; integer r; initial r = $table_model(1.0, "/etc/passwd"); endmodule',
        'module tb; initial $ivlh_file_open(1, "/etc/passwd", 0); endmodule',
        'module tb; initial $sreadmemh("/etc/passwd"); endmodule',
    ],
)
async def test_a_bench_reads_no_file_by_any_trick(env: VerilogDesign, bench: str) -> None:
    await begin(env, REGISTER)
    text = await said(env, "simulate", testbench=bench, design=REGISTER)
    assert "root:" not in text
    closed = (
        "Not run, rules are broken:",
        "testbench.sv:2: syntax error",
        "The test bench printed",
    )
    assert text.startswith(closed)


async def test_a_bench_prints_waits_and_computes(env: VerilogDesign) -> None:
    bench = (
        'module tb; real r; string s; integer n; initial begin s = "ab"; #1 r = $log10(100.0);'
        ' $sformat(s, "%0d", $clog2(9)); $writeh(8\'hfe); $display("%0d %s", $rtoi(r), s);'
        " n = s.len() + $countones(4'hb) + $abs(-1); $strobeb(n); #1 $finish; end endmodule"
    )
    await begin(env, REGISTER)
    ran = await said(env, "simulate", testbench=bench, design=REGISTER)
    assert ran.startswith("fe2 4\n00000000000000000000000000000101"), ran


def test_the_compiled_bench_is_held_to_the_rules_too() -> None:
    program = b'    %vpi_call/w 3 4 "$display", "x";\n L .sfunc 3 2 "$fopen", "v32", "x";\n'
    assert program_problems(program) == [
        "$fopen is not for a bench: it may print, wait and compute, and opens no file"
    ]
    assert check_bench("`timescale 1ns/1ps\n`define P 5\nmodule tb; endmodule").problems == []


async def test_a_bench_and_a_design_share_no_directive(env: VerilogDesign) -> None:
    await begin(env, REGISTER)
    bench = (
        "`timescale 1us/1ns\n`default_nettype none\n`define WIDTH 2\nmodule tb; reg clk = 0;\n"
        "wire [3:0] q; top t(.clk(clk), .rst(1'b0), .d(4'd9), .q(q)); always #5 clk = ~clk;\n"
        'initial begin #9 $display("%0d at %0t", q, $realtime); $finish; end endmodule'
    )
    loose = REGISTER.replace("q <= d;", "q <= w;").replace(
        "  always", "  assign w = d[0];\n always"
    )
    assert "WIDTH is not allowed" in await said(
        env, "simulate", testbench=bench, design=REGISTER.replace("[3:0] d", "[`WIDTH:0] d")
    )
    ran = await said(env, "simulate", testbench=bench, design=loose)
    assert ran.startswith("1 at 9")
    ran = await said(env, "simulate", testbench=bench, design=WAYS["delays"])
    assert ran.startswith("9 at 9")
