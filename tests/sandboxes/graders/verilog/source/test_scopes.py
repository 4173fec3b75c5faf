"""Dotted names: into what is declared in scope, and no further."""

from __future__ import annotations

import pytest

from envgym.sandboxes.graders.verilog.source.lint import lint

PAIR = "typedef struct packed {logic [7:0] x; logic [7:0] z;} p_t;\n"


@pytest.mark.parametrize(
    "text",
    [
        "p_t p, q; assign p.x = a; assign q.z = p.x;",
        "p_t p = 0, q = {a, a}; assign y = q.x;",
        "p_t [3:0] p; assign y = p[a[1:0]].x;",
        "p_t p [0:3], q; assign y = p[0].x + q.z;",
        "var p_t p; p_t q; assign y = p.x ^ q.x;",
        "localparam p_t p = 16'h1234; assign y = p.x;",
        "struct packed {logic x; struct packed {logic z;} i;} s, t; assign y = s.i.z & t.x;",
        "union packed {logic [7:0] x; p_t p;} u; assign y = u.p.x;",
        "function [7:0] f(input p_t v, w); f = v.x + w.z; endfunction assign y = f(a, a);",
        "function p_t f; input [7:0] i; begin f.x = i; f.z = i; end endfunction",
        "function automatic logic f(p_t v); p_t w; w = v; return w.x[0]; endfunction",
        "task t; output p_t o; begin o.x = 1; end endtask",
        "always @* begin : block p_t v, w; v = a; w = v; y = w.x + v.z; end",
        "begin : g1 wire w; end assign y = g1.w;",
        "for (genvar i = 0; i < 4; i = i + 1) begin : g\n p_t s, t; assign t.x = s.z;\nend\n"
        "assign y = g[3].s.x;",
        "sub s(.a(a), .b(y)); wire w = s.inner;",
        "sub #(.N(4), .M((2))) s (a, y), t (.*); wire w = s.inner ^ t.inner;",
        "k::p_t p, q; assign p.x = k::N; assign y = q.z;",
        "case (a) 0: begin : one p_t v; v.x = 1; end endcase",
    ],
)
def test_what_is_declared_in_scope_may_be_reached(text: str) -> None:
    package = "package k; localparam N = 1; typedef struct packed {logic x, z;} p_t; endpackage\n"
    assert (
        lint(f"{package}{PAIR}module m(input [7:0] a, output reg [7:0] y);\n{text}\nendmodule", "m")
        == []
    )


def test_ports_may_be_structs() -> None:
    ports = "(input p_t a, b, input logic clk, output p_t y, z)"
    body = "assign y.x = a.x; assign z.x = b.z; always_ff @(posedge clk) y.z <= a.z;"
    assert lint(f"{PAIR}module m {ports}; {body} endmodule", "m") == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("assign y = tb.y;", "tb.y"),
        ("assign y = tb.dut.y;", "tb.dut"),
        ("assign y = m.a;", "m.a"),  # its own name is a way upwards
        ("assign y = other.p.x;", "other.p"),
        ("assign y = p.x;", "p.x"),  # declared in another module
        ("assign y = w[0].y;", "w.y"),
        ("assign y = {a, a}.x;", ".x"),
        ("always @* begin : b p_t v; v = a; end assign y = v.x;", "v.x"),
        ("function f(input p_t v); f = v.x; endfunction assign y = v.x;", "v.x"),
        ("struct packed {logic s;} u; assign y = s.x;", "s.x"),
        ("if (a) tb(y); assign y = tb.y;", "tb.y"),
        ("always @(posedge tb.clk) y = 0;", "tb.clk"),
        ("always @* if (a) y = 0; else tb.y = 1;", "tb.y"),
        ("assign y = a, tb = 1; assign y = a + tb.y;", "tb.y"),
    ],
)
def test_nothing_else_may(text: str, name: str) -> None:
    other = f"{PAIR}module other; p_t p; endmodule\n"
    said = lint(f"{other}module m(input [7:0] a, output reg [7:0] y);\n{text}\nendmodule", "m")
    assert [line.rpartition(": ")[2] for line in said[:1]] == [name]
    assert "may not reach into another module" in said[0]


def test_brackets_and_blocks_that_do_not_match_are_read() -> None:
    for text in ("]]..", "end end x.y", "begin : x.y", "}.x", "(].x)", "function", "struct.x", "."):
        assert lint(f"{text} {text}", "m")
