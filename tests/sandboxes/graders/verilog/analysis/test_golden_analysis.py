"""What Yosys' netlist says of clocks and resets, and what is refused for it."""

from __future__ import annotations

import pytest

from envgym.errors import UsageError
from envgym.sandboxes import Backend
from envgym.sandboxes.graders.verilog import Interface, Reset, ToolSession, analyse, examine
from tests.sandboxes.graders.verilog.designs import ADDER, ADDER_SOURCE, COUNTER, COUNTER_SOURCE

pytestmark = pytest.mark.usefixtures("verilog_tools")


def _register(event: str, body: str, more: str = "") -> str:
    return (
        "module m(input clk, input other, input r, input d, output reg q);\n"
        f"{more}\nalways @({event}) {body}\nendmodule\n"
    )


async def test_ports_clock_and_reset_are_found(backend: Backend) -> None:
    found = await analyse(backend, COUNTER_SOURCE)
    assert (found.module, found.inputs, found.outputs) == (
        "counter",
        COUNTER.inputs,
        COUNTER.outputs,
    )
    assert (found.clock, found.edges, found.resets) == ("clk", ("pos",), COUNTER.resets)
    assert await analyse(backend, ADDER_SOURCE, "adder") == ADDER
    assert Interface.from_json(found.to_json()) == found


@pytest.mark.parametrize(
    ("source", "edges", "resets"),
    [
        (_register("posedge clk", "if (r) q <= 0; else q <= d;"), "pos", [Reset("r", True, True)]),
        (
            _register("negedge clk", "if (!r) q <= 1; else q <= d;"),
            "neg",
            [Reset("r", False, True)],
        ),
        (
            _register("posedge clk or posedge r", "if (r) q <= 0; else q <= d;"),
            "pos",
            [Reset("r", True, False)],
        ),
        (
            _register("posedge clk, negedge rn", "if (!rn) q <= 0; else q <= d;", "wire rn = ~r;"),
            "pos",
            [Reset("r", True, False)],
        ),
        (_register("negedge n", "q <= d;", "wire n = ~clk;"), "pos", []),
        (_register("posedge clk", "q <= d;", "reg p; always @(negedge clk) p <= q;"), "pos", []),
        (_register("*", "if (r) q = d;"), "", []),
    ],
)
async def test_edges_and_kinds_of_reset(
    backend: Backend, source: str, edges: str, resets: list[Reset]
) -> None:
    found = await analyse(backend, source, "m")
    assert found.edges == ((edges,) if edges else ())
    assert list(found.resets) == resets


async def test_both_edges_of_one_clock_are_one_clock(backend: Backend) -> None:
    source = _register("posedge clk", "q <= p;", "reg p; always @(negedge clk) p <= d;")
    found = await analyse(backend, source, "m")
    assert (found.clock, found.edges) == ("clk", ("pos", "neg"))


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (_register("posedge clk", "q <= p;", "reg p; always @(posedge other) p <= d;"), "2 clocks"),
        (_register("posedge g", "q <= d;", "wire g = clk & other;"), "made by logic"),
        ("module m(inout a, output y); assign y = a; endmodule", "both ways"),
        ("module m(input a, output y); assign y = a;", "does not take it"),
        ("", "does not take it|no module"),
    ],
)
async def test_what_cannot_be_driven_is_refused(backend: Backend, source: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        await analyse(backend, source)


_MEMORY = """
module m(input clk, input we, input [1:0] a, input d, output q);
  reg mem [0:3];
  always @(negedge clk) if (we) mem[a] <= d;
  assign q = mem[a];
endmodule
"""


async def test_a_memorys_clock_is_a_clock(backend: Backend) -> None:
    found = await analyse(backend, _MEMORY)
    assert (found.clock, found.edges) == ("clk", ("neg",))


@pytest.mark.parametrize(
    ("source", "bits", "counts"),
    [
        (ADDER_SOURCE, 0, True),
        (COUNTER_SOURCE, 4, True),
        (_MEMORY, 4, False),
        (_register("*", "if (r) q = d;"), 1, False),
        (_register("posedge clk", "q <= p;", "reg p; always @(negedge clk) p <= d;"), 2, False),
    ],
)
async def test_what_it_holds_and_whether_it_counts(
    tools: ToolSession, source: str, bits: int, counts: bool
) -> None:
    found = await examine(tools, source)
    assert (found.state, found.counts) == (bits, counts)
