from __future__ import annotations

import pytest

from envgym.sandboxes.graders.verilog.source.lexer import numbers, tokens
from envgym.sandboxes.graders.verilog.source.lint import lint
from tests.sandboxes.graders.verilog.designs import ADDER_SOURCE, ALIKE, COUNTER_SOURCE


@pytest.mark.parametrize("source", [COUNTER_SOURCE, *ALIKE.values()])
def test_circuits_are_let_through(source: str) -> None:
    assert lint(source, "counter") == []


@pytest.mark.parametrize(
    "text",
    [
        "always @(*) x = a;",
        "always @( * ) x = a;",
        '// $finish tb.errors force\n/* `include "x" */',
        'parameter P = "a.b $finish";',
        "sub #(.N(4)) s (.a(a), .b(b[3:0]), .*);",
        "wire w = s.inner;\nsub s(.a(a));",
        "typedef struct packed {logic a; logic b;} pair;\npair p;\nassign x = p.a & p.b;",
        "assign x = 4'b1x_z? + 12'd7 + 'h f;",
        "(* full_case, parallel_case *) case (a) endcase",
        '(* ASYNC_REG = "TRUE", keep, ram_style = "block", top_level, init_b *) reg r;',
        "`ifdef MINE\n`else\n`endif\n`define MINE 1\nassign x = `MINE;",
        "assign y = $signed(a) >>> $clog2(8);",
        "`define LONG a + \\\n b\n",
    ],
)
def test_what_circuits_need_is_allowed(text: str) -> None:
    assert lint(f"module m;\n{text}\nendmodule", "m") == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("initial $finish;", "line 2: $finish"),
        ("\ninitial $display;", "line 3: $display"),
        ("assign x = $time;", "$time"),
        ("assign x = tb.y;", ".y"),
        ("assign x = a[0].y;", ".y"),
        ("assign x = $root.tb.y;", "$root"),
        ("force a = 1;", "'force'"),
        ("bind tb m x();", "'bind'"),
        ('`include "x"', "`include"),
        ("`UNKNOWN", "`UNKNOWN"),
        ("`ifdef SYNTHESIS", "`ifdef without `endif"),
        ("`ifdef SYNTHESIS\n$display;\n`endif", "line 3: $display"),
        ("`ifndef __ICARUS__\n$display;\n`endif", "line 3: $display"),
        ("`default_nettype none wire w;", "alone on its line"),
        ("`define P(a,b) a``b", "paste"),
        ("\\a.b = 1;", "escaped"),
        ("(* blackbox *) wire w;", "'blackbox'"),
        ("(* keep, anyconst *) wire w;", "'anyconst'"),
        ("import p::*;", "write package::name"),
        ("/* never closed", "a comment that never ends"),
        ("wire ü;", "'ü'"),
        ('"never closed', "'\"'"),
        ("", "exactly once"),
    ],
)
def test_what_talks_to_a_simulator_is_refused(text: str, problem: str) -> None:
    name = "other" if not text else "m"
    assert problem in "\n".join(lint(f"module m;\n{text}\nendmodule", name))


def test_a_module_may_be_defined_once() -> None:
    assert "exactly once" in lint(ADDER_SOURCE * 2, "adder")[-1]


def test_tokens_take_time_in_step_with_the_source() -> None:
    for piece in ("/*", '"', "\\", "`", "(*", "'", "1'b", "$"):
        assert len(list(tokens(piece * 20_000))) <= 60_000


def test_numbers_of_a_source() -> None:
    text = "4'b1_0x1 16'hE06b 8'sd12 3'o7 'h f 42 1_000 3.5 4'b9 42 // 77\n\"5\""
    assert numbers(text) == [9, 0xE06B, 12, 7, 15, 42, 1000]
    assert len(numbers(" ".join(map(str, range(1000))))) == 256
