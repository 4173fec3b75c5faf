"""Reading a circuit or a bench costs what the text is long, whatever a model writes."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from envgym.environments.verilog.testbench_rules import check_bench
from envgym.sandboxes.graders.verilog.source.lint import lint

# Each would take a careless reader from opening to opening, or from space to space.
PIECES = [
    *("(*", "( * ", "(* a", "(* a *)", '(* a = "', "*)", "/*", "*/", "/**/", "//", "/", "*"),
    *('"', '\\"', '"\\"', "\\", "\\\n", "\\ ", "`", "``", "`a", "`A(", "`A(1,", "`A", "`E"),
    *("`define A ", "`define A(", "`define A(x) `A(x)\n", "`ifdef A\n", "`endif\n", "`else "),
    *("`resetall ", "`default_nettype none\n", "`undef A", "`timescale 1ns/1ns\n"),
    *(".", "a.b", "a.b,", "a[", "a[b].c", "].", "[[", "((", "))", "{}", "a,", ",.x(y)", "pkg::a.b"),
    *("begin ", "begin : x ", "end ", "x : begin ", "struct {", "struct {int x;} s;", "task t;"),
    *("module m;", "p_t p, q;", "s #(a) s (", "wire a = b, c;", "a ? b :", "import a::b;"),
    *("1", "1 ", "1'b", "1_", "'b ", "$", "$a", "\n", "\r", " ", "\t", "é", "\0", "```", "```\n"),
]  # fmt: skip
STARTS = ("", "`define A(x) (x)\n`define E\nmodule m(input a);\n", "(* ", '"')


def _rules(source: str) -> None:
    lint(source, "m")  # preprocesses, finds tokens, resolves names


def _spent(read: Callable[[str], object], source: str) -> float:
    began = time.process_time()
    read(source)
    return time.process_time() - began


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("read", [_rules, check_bench])
def test_eight_times_the_text_takes_no_sixty_four_times_as_long(
    read: Callable[[str], object], start: str
) -> None:
    """Processor time, for want of a count: linear work takes 8 times as long, quadratic work 64."""
    for piece in PIECES:
        short, long = (start + piece * (size // len(piece)) for size in (1_500, 12_000))
        if _spent(read, long) < 0.1:
            continue  # quadratic work on it takes longer
        ratio = min(_spent(read, long) / max(_spent(read, short), 1e-4) for _ in range(3))
        assert ratio < 24, piece


@pytest.mark.parametrize(
    "piece", ["(*", "/*", '"', "`A(", "a.b,", "((", "`E ", "`ifdef A\n", "```\n"]
)
def test_a_megabyte_is_read(piece: str) -> None:
    source = (STARTS[1] + piece * (1 << 20))[: 1 << 20]
    lint(source, "m")
    check_bench(source[: 1 << 18])
