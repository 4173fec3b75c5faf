"""Goldens whose outputs move seldom: proven constant, driven until they move, or named unfit."""

from __future__ import annotations

import pytest

from envgym.errors import UsageError
from envgym.sandboxes import Backend, Limits
from envgym.sandboxes.graders.verilog import (
    Examined,
    Golden,
    Stimulus,
    ToolSession,
    cover,
    examine,
    fitted,
    grade_design,
    record_golden,
)
from envgym.sandboxes.graders.verilog.analysis import coverage
from envgym.sandboxes.graders.verilog.analysis.toggles import Unseen, unseen
from envgym.sandboxes.graders.verilog.stimulus import held_inputs
from envgym.sandboxes.graders.verilog.tools.wrapper import stuck, wrapped

pytestmark = pytest.mark.usefixtures("verilog_tools")
LIMITS = Limits(wall_s=60.0, cpu_s=5.0, output_bytes=64 << 20)


def _clocked(outputs: str, body: str) -> str:
    return (
        f"module top(input clk, input rst, input en, input [7:0] k, {outputs});\n{body}\nendmodule"
    )


async def _recorded(tools: ToolSession, source: str) -> tuple[Golden, Examined]:
    found = await examine(tools, source)
    runs = fitted(found.interface, found.state, counts=found.counts)
    stimulus = Stimulus.random(found.interface, 0, runs)
    golden = await record_golden(tools, source, found.interface, stimulus, netlist=found.netlist)
    return golden, found


async def _covered(backend: Backend, tools: ToolSession, source: str) -> tuple[Golden, Golden]:
    """A golden before and after."""
    golden, found = await _recorded(tools, source)
    return golden, await cover(backend, tools, golden, found, limits=LIMITS)


_STEP = "always @(posedge clk) if (rst) c <= 0; else if (en) c <="
_SELDOM = {
    "a wide comparison": "module top(input [31:0] a, output y);"
    " assign y = ~a * 3 == 77777; endmodule",
    "a lock": _clocked(
        "output y",
        "reg [2:0] c; assign y = c == 6;\n"
        "always @(posedge clk) if (rst) c <= 0; else if (k == c * 8'd37 + 8'd11) c <= c + 1;\n"
        "else c <= 0;",
    ),
    "a pulse": _clocked("output y", f"reg [12:0] c; assign y = c == 5000; {_STEP} y ? 0 : c + 1;"),
    "a watchdog, its reset hidden": _clocked(
        "output y",
        "reg [12:0] c; assign y = c == 6000;\n"
        "always @(posedge clk) if (rst | k[0]) c <= 0; else if (en & ~y) c <= c + 1;",
    ),
    "a falling edge": _clocked(
        "output y", f"reg [12:0] c; assign y = c[12]; {_STEP} c + 1;".replace("pos", "neg")
    ),
}


@pytest.mark.parametrize("name", _SELDOM)
async def test_what_moves_seldom_is_driven_until_it_does(
    backend: Backend, tools: ToolSession, name: str
) -> None:
    source = _SELDOM[name]
    before, golden = await _covered(backend, tools, source)
    assert unseen(before.interface, before.netlist_trace) == [Unseen("y", 0, 1)]
    assert unseen(golden.interface, golden.netlist_trace) == []
    assert (await grade_design(backend, source, golden)).passed
    face = golden.interface
    constant = wrapped(source, face, {"y": stuck(face.outputs[0], {0: 0})})
    assert (await grade_design(backend, constant, before)).passed
    verdict = await grade_design(backend, constant, golden)
    assert "y is 0, should be 1" in verdict.feedback()


_DIVIDER = _clocked(
    "output reg y",
    "reg [12:0] c;\nalways @(posedge clk) if (rst) begin c <= 0; y <= 0; end\n"
    "else if (c == 4999) begin c <= 0; y <= ~y; end else c <= c + 1;",
)
_FILTER = _clocked(
    "output reg y",
    "reg [12:0] c; reg o; always @(posedge clk) if (rst) begin c <= 0; o <= 0; y <= 0; end\n"
    "else if (en != o) begin c <= 0; o <= en; end else if (c == 5000) y <= o; else c <= c + 1;",
)


@pytest.mark.parametrize(
    ("source", "right", "wrong"),
    [(_DIVIDER, "y <= ~y", "y <= 1"), (_FILTER, "y <= o", "y <= 1")],
)
async def test_what_rose_late_has_to_fall_late(
    backend: Backend, tools: ToolSession, source: str, right: str, wrong: str
) -> None:
    _, golden = await _covered(backend, tools, source)
    assert (await grade_design(backend, source, golden)).passed
    stays = source.replace(right, wrong)
    assert stays != source
    verdict = await grade_design(backend, stays, golden)
    assert "y is 1, should be 0" in verdict.feedback()


_CONSTANT = {
    "wires": "module top(input [3:0] a, output [5:0] y); assign y = {a, 2'b10}; endmodule",
    "a product": "module top(input [3:0] a, output [8:0] y); assign y = a * 9'd3; endmodule",
    "steps of two": _clocked("output reg [3:0] c", f"{_STEP} c + 2;"),
    "a counter modulo 60 that may be held": _clocked(
        "output reg [7:0] c", f"{_STEP} c == 59 ? 0 : c + 1;"
    ),
    "never defined": "module top(input [3:0] a, output [4:0] y); assign y = {1'bx, a}; endmodule",
}


@pytest.mark.parametrize("name", _CONSTANT)
async def test_what_is_constant_is_proven_so(
    backend: Backend, tools: ToolSession, name: str
) -> None:
    before, golden = await _covered(backend, tools, _CONSTANT[name])
    assert unseen(before.interface, before.netlist_trace)
    assert golden is before


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (
            _clocked(
                "output y, output z",
                f"reg [30:0] c; assign y = c[30]; assign z = en; {_STEP} c + 1;",
            ),
            r"does not show what its outputs do: y\[0\] is never 1, and no proof",
        ),
        (
            "module top(input a, output y, output [1:0] z); assign y = a, z[0] = a; endmodule",
            r"nothing drives z\[1\]",
        ),
    ],
)
async def test_what_nothing_shows_is_named(
    backend: Backend, tools: ToolSession, source: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held_inputs, "_ROUNDS", ((1 << 10, 4),))
    monkeypatch.setattr(coverage, "_THOROUGH", coverage._QUICK)
    with pytest.raises(UsageError, match=words):
        await _covered(backend, tools, source)
