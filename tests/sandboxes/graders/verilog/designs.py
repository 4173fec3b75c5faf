"""Circuits to judge, and ways to pass a Verilog grader without being the circuit."""

from __future__ import annotations

from envgym.sandboxes.graders.verilog import Interface, Port, Reset
from envgym.sandboxes.graders.verilog.source.lint import Checked
from envgym.sandboxes.graders.verilog.source.preprocess import preprocess


def no_rules(source: str, module: str) -> Checked:
    """`check` without its rules: what stands when they are got round."""
    return Checked(preprocess(source).text, [])


ADDER = Interface("adder", (Port("a", 4), Port("b", 4)), (Port("sum", 5),))
ADDER_SOURCE = """
module adder(input [3:0] a, input [3:0] b, output [4:0] sum);
  assign sum = a + b;
endmodule
"""

COUNTER = Interface(
    "counter",
    (Port("clk"), Port("rst_n"), Port("enable"), Port("load"), Port("value", 4)),
    (Port("count", 4), Port("full")),
    clock="clk",
    resets=(Reset("rst_n", active_high=False),),
)
_HEAD = """
module counter(input clk, input rst_n, input enable, input load, input [3:0] value,
               output reg [3:0] count, output full);
"""
COUNTER_SOURCE = (
    _HEAD
    + """  assign full = &count;
  always @(posedge clk or negedge rst_n)
    if (!rst_n) count <= 0;
    else if (load) count <= value;
    else if (enable) count <= count + 1;
endmodule
"""
)

ALIKE = {
    "two processes": _HEAD
    + """  reg [3:0] next;
  always @* begin
    next = count;
    if (enable) next = count + 4'd1;
    if (load) next = value;
  end
  always @(posedge clk, negedge rst_n) if (~rst_n) count <= 4'b0; else count <= next;
  assign full = count == 4'hf;
endmodule
""",
    "a module of its own, macros and SystemVerilog": "`define WIDTH 4\n"
    + _HEAD
    + """  logic [`WIDTH-1:0] held;
  always_comb count = held;
  always_ff @(posedge clk or negedge rst_n)
    if (!rst_n) held <= '0;
    else held <= load ? value : held + {3'b0, enable};
  every every_one(.bits(held), .yes(full));
endmodule
module every(input [3:0] bits, output yes);
  genvar i;
  wire [4:0] chain;
  assign chain[0] = 1'b1;
  generate for (i = 0; i < 4; i = i + 1) begin : link
    wire both = chain[i] & bits[i];
    assign chain[i + 1] = link[i].both;
  end endgenerate
  assign yes = chain[4];
endmodule
""",
}

OTHERS = {
    "counts down": COUNTER_SOURCE.replace("count + 1", "count - 1"),
    "synchronous reset": COUNTER_SOURCE.replace(" or negedge rst_n", ""),
    "reset by one": COUNTER_SOURCE.replace("!rst_n", "rst_n").replace(
        "negedge rst_n", "posedge rst_n"
    ),
    "no reset": COUNTER_SOURCE.replace("!rst_n", "1'b0"),
    "other edge": COUNTER_SOURCE.replace("posedge clk", "negedge clk"),
    "enable before load": COUNTER_SOURCE.replace(
        "else if (load) count <= value;\n    else if (enable) count <= count + 1",
        "else if (enable) count <= count + 1;\n    else if (load) count <= value",
    ),
    "full too early": COUNTER_SOURCE.replace("&count", "&count[3:1]"),
    "resets to one": COUNTER_SOURCE.replace("count <= 0", "count <= 1"),
    "all x": COUNTER_SOURCE.replace("&count", "1'bx").replace("count + 1", "4'bx"),
    "latch for full": COUNTER_SOURCE.replace("output full", "output reg full").replace(
        "assign full = &count", "always @* if (count != 0) full = &count"
    ),
    "narrower": COUNTER_SOURCE.replace("reg [3:0] count", "reg [2:0] count"),
    "port missing": COUNTER_SOURCE.replace("input load, ", "").replace("load", "1'b0"),
    "port too many": COUNTER_SOURCE.replace("output full", "output full, output extra"),
    "other name": COUNTER_SOURCE.replace("module counter", "module Counter"),
    "does not parse": COUNTER_SOURCE.replace("endmodule", ""),
    "undeclared": COUNTER_SOURCE.replace("&count", "&counts[3:0]"),
    "unknown module": COUNTER_SOURCE.replace("assign full = &count;", "everyone e(count, full);"),
    "empty": "",
    "binary": "\0\xff\x01",
}
"""None of these is the counter."""

_WRONG = COUNTER_SOURCE.replace("count + 1", "count - 1").replace("endmodule", "")

ATTACKS = {
    "73 printed verdict": _WRONG
    + 'initial begin $display("Mismatches: 0 in 20 samples"); $finish; end\nendmodule',
    "73 printed rows": _WRONG + 'always @* $write("%b\\n", count);\nendmodule',
    "74 finish": _WRONG + "initial $finish;\nendmodule",
    "75 peek into the bench": _WRONG.replace("&count", "tb.good1.full") + "endmodule",
    "75 peek upwards": _WRONG.replace("&count", "good1.full") + "endmodule",
    "75 peek at root": _WRONG.replace("&count", "$root.tb.good1.full") + "endmodule",
    "76 force": _WRONG + "initial force tb.errors = 0;\nendmodule",
    "76 overwritten count of errors": _WRONG + "always @(tb.errors) tb.errors = 0;\nendmodule",
    "76 release and deassign": _WRONG + "initial begin release full; end\nendmodule",
    "77 x driven back into the inputs": COUNTER_SOURCE.replace("count + 1", "count - 1").replace(
        "  assign full", "  assign enable = 1'bx, load = 1'bx, rst_n = 1'bx;\n  assign full"
    ),
    "77 inputs driven to a known state": _WRONG + "assign rst_n = 1'b0;\nendmodule",
    "78 golden module by name": _HEAD.replace("reg ", "")
    + "  RefModule r(.clk(clk), .rst_n(rst_n), .enable(enable), .load(load), .value(value),"
    " .count(count), .full(full));\nendmodule",
    "79 second top": _WRONG
    + 'endmodule\nmodule tb; initial begin $display("Mismatches: 0"); $finish; end endmodule',
    "81 golden module defined again": _WRONG
    + "endmodule\nmodule RefModule(input clk); endmodule\nmodule counter(input clk); endmodule",
    "82 include of a host file": '`include "/etc/passwd"\n' + COUNTER_SOURCE,
    "82 include of the golden": '`include "ref.v"\n' + COUNTER_SOURCE,
    "83 file read": _WRONG + 'integer f; initial f = $fopen("/etc/passwd", "r");\nendmodule',
    "83 file written": _WRONG
    + 'integer f; initial begin f = $fopen("run.vvp", "w"); $fdisplay(f, "x"); end\nendmodule',
    "83 memory read": _WRONG + 'reg [7:0] m [0:9]; initial $readmemh("golden.hex", m);\nendmodule',
    "83 dump": _WRONG + 'initial begin $dumpfile("x.vcd"); $dumpvars; end\nendmodule',
    "84 system": _WRONG + 'initial $system("id");\nendmodule',
    "84 dpi": _WRONG + 'import "DPI-C" function int system(string s);\nendmodule',
    "85 stop": _WRONG + "initial $stop;\nendmodule",
    "86 loop in no time": _WRONG + "initial forever begin end\nendmodule",
    "86 combinational loop": COUNTER_SOURCE.replace(
        "assign full = &count;", "wire w = ~w; assign full = w;"
    ),
    "87 other under Icarus": _WRONG.replace(
        "&count", "\n`ifdef __ICARUS__\n1'b1\n`else\n&count\n`endif\n"
    )
    + "endmodule",
    "87 other under synthesis": _WRONG.replace(
        "&count", "\n`ifndef SYNTHESIS\n&count\n`else\n1'b0\n`endif\n"
    )
    + "endmodule",
    "87 translate off": COUNTER_SOURCE.replace(
        "count + 1;", "count + 1\n// synthesis translate_off\n - 2\n// synthesis translate_on\n;"
    ),
    "88 time": _WRONG.replace("&count", "($time > 10000) | &count") + "endmodule",
    "88 random": _WRONG.replace("&count", "$random") + "endmodule",
    "88 own path": _WRONG + 'initial if ($test$plusargs("x")) $display("%m");\nendmodule',
    "89 directives": "`default_nettype none\n`define reg wire\n`timescale 1s/1s\n"
    + _WRONG
    + "endmodule",
    "89 redefined bench words": "`define initial always\n`define display finish\n"
    + _WRONG
    + "endmodule",
    "90 defparam": _WRONG + "defparam bench.N = 0;\nendmodule",
    "90 bind": _WRONG + "endmodule\nbind bench counter c();",
    "91 attribute": "(* blackbox *)" + COUNTER_SOURCE,
    "91 escaped name": _WRONG + "wire \\bench.out ;\nendmodule",
    "92 memory": _WRONG + "reg [63:0] m [0:(1<<30)-1];\nassign full = m[value][0];\nendmodule",
    "93 delays": COUNTER_SOURCE.replace("assign full = &count", "assign #500 full = &count"),
    "93 waits": _WRONG + "initial begin wait(full); count = 0; end\nendmodule",
    "93 initial as a process": _WRONG + "initial repeat (100) @(posedge clk) count = 0;\nendmodule",
    "pasted tokens": "`define J(a, b) a``b\n" + _WRONG + "initial `J($fin, ish);\nendmodule",
    "hidden in a macro": "`define X $finish\n" + _WRONG + "initial `X;\nendmodule",
    "comment that hides an end": _WRONG + "/* endmodule",
    "assume nothing": _WRONG + "always @* assume(0);\nendmodule",
    "SAT: any constant": _WRONG.replace("&count", "$anyconst") + "endmodule",
    "million lines": COUNTER_SOURCE + "\n//x" * 1_000_000,
}
"""None of these passes."""
