"""The text that every tool reads: what becomes of a source, and that the tools read it alike."""

from __future__ import annotations

import random
import re
import subprocess
from pathlib import Path

import pytest

from envgym.sandboxes.graders.verilog.source.lexer import tokens
from envgym.sandboxes.graders.verilog.source.preprocess import preprocess

CR_ENDS_A_COMMENT = "a // harmless\rb\r\nc"


def texts(source: str) -> list[str]:
    return [token.text for token in tokens(source)]


@pytest.mark.parametrize(
    ("source", "want"),
    [
        (CR_ENDS_A_COMMENT, "a b c"),
        ("\ufeffa\fb\vc", "a b c"),
        ("a /* b \n */ c // d", "a c"),
        ('"/* no comment */" // "no string', '"/* no comment */"'),
        ("a // b \\\nc", "a c"),
        ("`define W 8 // bits\n[`W-1:0]", "[ 8 - 1 : 0 ]"),
        ("`define W 1 + \\\n 2\n`W ;", "1 + 2 ;"),
        (
            "`define MAX(a, b) ((a)>(b)?(a):(b))\n`MAX(1,`MAX(2,\n3))",
            "( ( 1 ) > ( ( ( 2 ) > ( 3 ) ? ( 2 ) : ( 3 ) ) ) ? ( 1 ) :"
            " ( ( ( 2 ) > ( 3 ) ? ( 2 ) : ( 3 ) ) ) )",
        ),
        ("`define A(x, y = 7) x y\n`A((1, 2)) `A({3, 4}, 5)", "( 1 , 2 ) 7 { 3 , 4 } 5"),
        ('`define A(x) x "x"\n`A(",)")', '",)" "x"'),
        ("`define A 1\n`undef A\n`ifdef A\nx\n`elsif B\ny\n`else\nz\n`endif", "z"),
        ("`ifdef SYNTHESIS\n1\n`elsif SYNTHESIS\n2\n`else\n3\n`endif", "1"),
        ("`ifndef SYNTHESIS\n`ifdef X\n1\n`else\n2\n`endif\n`unknown\n`endif 3", "3"),
        ("`timescale 1ns / 100ps\n`celldefine\na", "a"),
        ("`default_nettype none\na\n`resetall", "`default_nettype none a `default_nettype wire"),
        ('(* keep = "a, b" *) reg (* ASYNC_REG *) q', "reg q"),
        ("(* keep, full_case = 1 *) case", "( * full_case * ) case"),
        ("@(*) @( * ) @*", "@ ( * ) @ ( * ) @ *"),
    ],
)
def test_what_becomes_of_a_source(source: str, want: str) -> None:
    made = preprocess(source)
    assert made.problems == []
    assert " ".join(texts(made.text)) == want
    again = preprocess(made.text)
    assert texts(again.text) == texts(made.text)


def test_every_token_stays_on_its_line() -> None:
    source = "a\r/*\r\n*/ `define W 4 \\\r\n + 1\nb\n(* x\n *) c `W\n`define F(a) a\n`F(1\n) d\n"
    made = preprocess(source)
    assert made.text.count("\n") == 10
    lines = {token.text: token.line for token in tokens(made.text)}
    assert {name: lines[name] for name in "abcd"} == {"a": 1, "b": 5, "c": 7, "d": 10}


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("`define P(a, b) a``b", (1, "macros may not paste or quote tokens")),
        ('\n`define P(a) `"a`"', (2, "macros may not paste or quote tokens")),
        ("\n`A", (2, "`A is not allowed, or not defined above")),
        ('`include "x"', (1, "`include is not allowed, or not defined above")),
        ("`line 1 x", (1, "`line is not allowed, or not defined above")),
        ("`endif", (1, "`endif without `ifdef")),
        ("`ifdef X\n", (2, "`ifdef without `endif")),
        ("`define A(x) x\n`A", (2, "the macro `A needs arguments: `A(…)")),
        ("`define A(x) x\n`A(1, 2)", (2, "the macro `A takes 1 arguments, not 2")),
        ("`define A(x) x\n`A((1)", (2, "`A( has no closing parenthesis")),
        ("`define endif x", (1, "`define endif: that is a directive's own name")),
        ("x `default_nettype none", (1, "`default_nettype is malformed, or not alone on its line")),
        ("`timescale 1ns/1ps x", (1, "`timescale is malformed, or not alone on its line")),
        ("(* keep", (1, "an attribute is written (* name = value, … *)")),
    ],
)
def test_what_is_refused_and_where(source: str, problem: tuple[int, str]) -> None:
    assert preprocess(source).problems[0] == problem


def test_macros_do_not_grow_without_end() -> None:
    doubled = "`define A0 x x x x x x x x\n"
    doubled += "".join(f"`define A{n} `A{n - 1} `A{n - 1}\n" for n in range(1, 30))
    for source in ("`define A `A `A\n`A", "`define A `B\n`define B `A\n`A", doubled + "`A29"):
        assert "to more than" in preprocess(source).problems[0][1]


FRAGMENTS = [
    *("//", "/*", "*/", "/**/", "(*", "*)", "(*)", '"', '\\"', '"a"', '"\\\\"', '"\\n"', "'"),
    *("\\", "\\\n", "\\a ", "\\a//b ", "\n", "\r", "\r\n", "\f", "\v", "\t", " ", "\0", "\u2028"),
    *("`", "``", '`"', "`A", "`B(", "`B(1)", "`define A 1", "`define A", "`define B(x) x+x"),
    *("`undef A", "`ifdef A", "`ifndef A", "`elsif C", "`else", "`endif", "`line 1 \"f\" 0"),
    *("`timescale 1ns/1ns", "`default_nettype none", "`resetall", "`__LINE__", "$"),
    *("$x", "$`A", "`A`A", "a`A", "4'd`A"),
    *("a", "1", "4'b1", "'h f", "8'sd1", "1.5", "1_0", "é", "(", ")", ",", ";", "<=", "/"),
    *("*", "#1", "a$b"),
    *("// synopsys translate_off\n", "/* synthesis translate_on */"),
    *("(* keep *)", "(* full_case *)"),
]  # fmt: skip


def accepted(rng: random.Random) -> str:
    """A text of random fragments that no reader of ours refuses."""
    while True:
        source = "".join(rng.choice(FRAGMENTS) for _ in range(rng.randrange(1, 16)))
        made = preprocess(source)
        kinds = {token.kind for token in tokens(made.text)}
        if not made.problems and not kinds & {"open", "other", "escaped"}:
            return made.text


def _by_icarus(path: Path) -> str:
    out = path.with_suffix(".out")
    subprocess.run(["iverilog", "-g2012", "-E", "-o", out, path], check=True, timeout=60)
    return _without(out.read_text(), "`line")


def _by_yosys(path: Path) -> str:
    script = f"read_verilog -sv -ppdump {path}"  # it prints, and then it may fail to parse
    said = subprocess.run(["yosys", "-p", script], capture_output=True, timeout=60, check=False)
    dump = said.stdout.decode().split("-- Verilog code after preprocessor --\n")[1]
    return _without(dump.split("-- END OF DUMP --")[0], "`file_p")


def _without(text: str, start: str) -> str:
    """A text without lines that say where what follows comes from."""
    return "\n".join(line for line in text.split("\n") if not line.startswith(start))


@pytest.mark.parametrize("seed", range(6))
def test_the_tools_read_what_we_read(tmp_path: Path, seed: int) -> None:
    """Both preprocessors leave of each accepted text the tokens that our lexer finds in it."""
    rng = random.Random(seed)
    made = [accepted(rng) for _ in range(500)]
    path = tmp_path / "all.sv"
    end = "\nseparator ;" * 2000  # what Yosys prints last is lost, for what it reads is no Verilog
    path.write_bytes(("\nseparator ;\n".join(made) + end).encode())
    heeded = re.compile("` ?default_nettype (none|wire) ?")  # by Yosys while it preprocesses
    ours = [" ".join(texts(text)) for text in made]
    for read in (_by_icarus, _by_yosys):
        theirs = " ".join(texts(read(path))).split("separator ;")[: len(ours)]
        for text, found, wanted in zip(made, theirs, ours, strict=True):
            assert heeded.sub("", found).strip() == heeded.sub("", wanted).strip(), (read, text)
