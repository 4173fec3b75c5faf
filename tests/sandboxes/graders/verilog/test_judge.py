from __future__ import annotations

import pytest

from envgym.errors import UsageError
from envgym.sandboxes import Backend, Limits
from envgym.sandboxes.graders.verdict import Status
from envgym.sandboxes.graders.verilog import (
    Golden,
    Interface,
    Port,
    Run,
    Stimulus,
    ToolSession,
    TooSlow,
    alike,
    examine,
    grade_design,
    record_golden,
)
from envgym.sandboxes.graders.verilog import judge as judging
from envgym.sandboxes.graders.verilog.source.lexer import numbers
from envgym.sandboxes.graders.verilog.stimulus.input_patterns import Pattern
from envgym.sandboxes.graders.verilog.tools.testbench import Trace, read_traces
from tests.sandboxes.graders.verilog.designs import (
    ADDER,
    ADDER_SOURCE,
    ALIKE,
    ATTACKS,
    COUNTER,
    COUNTER_SOURCE,
    OTHERS,
    no_rules,
)

pytestmark = pytest.mark.usefixtures("verilog_tools")
QUICK = Limits(wall_s=2.0, cpu_s=2.0, output_bytes=8 << 20)
OPEN = COUNTER_SOURCE.replace("&count", "1'bx")
OPEN = OPEN[: OPEN.index("  always")] + "  always @(posedge clk) count <= 4'bx;\nendmodule\n"
_KEPT: dict[str, Golden] = {}


@pytest.fixture
async def golden(tools: ToolSession) -> Golden:
    """The counter's trace; made once, for it is data."""
    if not _KEPT:
        stimulus = Stimulus.random(COUNTER, 0, alike(4, 100))
        _KEPT["counter"] = await record_golden(tools, COUNTER_SOURCE, COUNTER, stimulus)
    return _KEPT["counter"]


async def test_the_golden_design_passes(backend: Backend, golden: Golden) -> None:
    verdict = await grade_design(backend, COUNTER_SOURCE, golden)
    assert verdict.passed, verdict
    assert [case.name for case in verdict.cases] == list(judging.STAGES)


@pytest.mark.parametrize("name", ALIKE)
async def test_the_same_circuit_in_other_words_passes(
    backend: Backend, golden: Golden, name: str
) -> None:
    verdict = await grade_design(backend, ALIKE[name], golden)
    assert verdict.passed, verdict.feedback()


@pytest.mark.parametrize("name", OTHERS)
async def test_another_circuit_does_not_pass(backend: Backend, golden: Golden, name: str) -> None:
    verdict = await grade_design(backend, OTHERS[name], golden)
    assert not verdict.passed
    assert len(verdict.cases) == verdict.expected == len(judging.STAGES)


@pytest.mark.parametrize("name", ATTACKS)
async def test_attacks_do_not_pass(backend: Backend, golden: Golden, name: str) -> None:
    verdict = await grade_design(backend, ATTACKS[name], golden, limits=QUICK)
    assert not verdict.passed


@pytest.mark.parametrize("name", [n for n in ATTACKS if n != "million lines"])
async def test_attacks_do_not_pass_without_the_rules_either(
    backend: Backend, golden: Golden, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judging, "check", no_rules)
    verdict = await grade_design(backend, ATTACKS[name], golden, limits=QUICK)
    assert not verdict.passed or name == "91 attribute"


async def test_a_combinational_circuit(backend: Backend, tools: ToolSession) -> None:
    stimulus = Stimulus.random(ADDER, 0, alike(1, 10))
    golden = await record_golden(tools, ADDER_SOURCE, ADDER, stimulus)
    other = ADDER_SOURCE.replace("a + b", "{1'b0, a} + {1'b0, b}")
    assert (await grade_design(backend, other, golden)).passed
    one = ADDER_SOURCE.replace("a + b", "(a == 9 && b == 14) ? 5'd1 : a + b")
    verdict = await grade_design(backend, one, golden)
    assert not verdict.passed
    assert "sum is 00001, should be 10111" in verdict.feedback()
    assert "a=4'h9 b=4'he" in verdict.feedback()


async def test_what_the_golden_leaves_open_is_free(backend: Backend, tools: ToolSession) -> None:
    face = Interface("m", (Port("a", 2),), (Port("y", 2),))
    source = """
module m(input [1:0] a, output reg [1:0] y);
  always @* case (a) 0: y = 1; 1: y = 2; 2: y = 2'b0x; default: y = 2'bxx; endcase
endmodule
"""
    golden = await record_golden(tools, source, face, Stimulus.random(face, 0, ()))
    assert (
        await grade_design(backend, source.replace("2'b0x", "1").replace("xx", "11"), golden)
    ).passed
    for wrong in (source.replace("2'b0x", "2"), source.replace("y = 1", "y = 2'bxx")):
        assert not (await grade_design(backend, wrong, golden)).passed


async def test_feedback_is_the_same_every_time(backend: Backend, golden: Golden) -> None:
    for source in (OTHERS["counts down"], OTHERS["undeclared"], OTHERS["port missing"]):
        first, second = [await grade_design(backend, source, golden) for _ in range(2)]
        assert first == second
        assert "bench_" not in first.feedback()


async def test_statuses(backend: Backend, golden: Golden) -> None:
    async def status(source: str) -> Status:
        failure = (await grade_design(backend, source, golden, limits=QUICK)).first_failure
        assert failure is not None
        return failure.status

    assert await status(ATTACKS["74 finish"]) is Status.REFUSED
    assert await status(OTHERS["does not parse"]) is Status.RE
    assert await status(OTHERS["narrower"]) is Status.WRONG
    assert await status(OTHERS["counts down"]) is Status.WRONG


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("module counter(", "golden design"),
        (ADDER_SOURCE, "golden design"),
        (OTHERS["narrower"], "count: output of 3 bits"),
        (OPEN, "no defined output"),
    ],
)
async def test_a_golden_that_judges_nothing_is_refused(
    tools: ToolSession, source: str, words: str
) -> None:
    stimulus = Stimulus.random(COUNTER, 0, alike(1, 10))
    with pytest.raises(UsageError, match=words):
        await record_golden(tools, source, COUNTER, stimulus)


def test_only_a_whole_trace_is_one() -> None:
    face = Interface("m", (Port("a"),), (Port("y", 2),))
    traces = read_traces(b"// 0x00000000\n01\nx1\n", face, 2)
    assert traces is not None
    assert traces[0].rows == ("01", "x1")
    for broken in (b"", b"01\n", b"01\nx1", b"01\nx1\n00\n", b"01\nxq\n", b"01\n\nx1", b"0\n1x1\n"):
        assert read_traces(broken, face, 2) is None


def test_traces_of_two_modules_are_told_apart() -> None:
    face = Interface("m", (Port("clk"),), (Port("y"),), clock="clk")
    traces = read_traces(b"xx01\n1z10\n", face, 2, modules=2)
    assert traces is not None
    assert [trace.rows for trace in traces] == [("0", "1", "1"), ("1", "z", "0")]


def test_what_a_trace_leaves_open_is_free() -> None:
    golden, other = (Trace(text, 2) for text in (b"01\nx1\nz0\n", b"01\n0x\nz0\n"))
    assert golden.first_difference(golden) is None
    assert golden.first_difference(other) == 1
    assert golden.where(other).rows == ("01", "xx", "z0")
    assert golden.where(other).first_difference(other) is None
    assert other.first_difference(golden) == 1
    assert golden.first_difference(Trace(b"01\n01\n00\n", 2)) == 2
    assert not Trace(b"xz\n", 2).defined


_RANGE = Interface("m", (Port("a", 4),), (Port("y", 4),))


@pytest.mark.parametrize(
    ("body", "passes"),
    [
        ("assign y[4:1] = {1'b1, a[3:1]}; assign y[0] = a[0];", True),  # Icarus writes other bits
        ("assign y[4:1] = {1'b1, a[2:0]}; assign y[0] = a[0];", False),
        ("assign y = a; assign y[4] = 1'b1;", True),  # Icarus refuses it
        ("assign y = ~a; assign y[4] = 1'b1;", False),
        ("assign y = 4'bx; assign y[4] = 1'b1;", False),
        ("reg [3:0] q; always @* begin q = a; q[5:4] = 0; end assign y = q;", True),
        ("assign y = a; assign y[3] = 1'b0;", False),  # two drivers that differ
        ("wire [4:0] w = {1'b0, a[2:0]}; assign y = a & 4'b1111; assign y[3] = 1'bx;", False),
    ],
)
async def test_ranges_and_drivers_where_the_tools_differ(
    backend: Backend, tools: ToolSession, body: str, passes: bool
) -> None:
    def design(body: str) -> str:
        return f"module m(input [3:0] a, output [3:0] y); {body} endmodule"

    stimulus = Stimulus.random(_RANGE, 0, ())
    golden = await record_golden(tools, design("assign y = a;"), _RANGE, stimulus)
    verdict = await grade_design(backend, design(body), golden)
    assert verdict.passed is passes, verdict.feedback()


@pytest.mark.parametrize(
    ("arms", "passes"),
    [
        ("2'd0: y = 1; 2'd1: y = 2; 2'd2: y = 4; 2'd3: y = 8;", True),
        ("2'd0: y = 1; 2'd1: y = 2; 2'd2: y = 4;", False),  # it is not full: a latch, or anything
    ],
)
async def test_full_case_may_not_make_a_netlist_differ(
    backend: Backend, tools: ToolSession, arms: str, passes: bool
) -> None:
    stimulus = Stimulus.random(_RANGE, 0, ())
    head = "module m(input [3:0] a, output reg [3:0] y);\n"
    body = "always @* begin y = {} (* full_case *) case (a[1:0]) {} endcase end endmodule"
    golden_body = head + "always @* y = a[1:0] == 3 ? 8 : 1 << a[1:0]; endmodule"
    golden = await record_golden(tools, golden_body, _RANGE, stimulus)
    verdict = await grade_design(backend, head + body.format("8;", arms), golden)
    assert verdict.passed is passes, verdict.feedback()


async def test_a_golden_may_write_past_a_range_and_drive_a_bit_twice(
    backend: Backend, tools: ToolSession
) -> None:
    body = "assign y[4:1] = {1'b1, a[3:1]}; assign y[0] = a[0]; assign y[0] = 1'bx;"
    source = f"module m(input [3:0] a, output [3:0] y); {body} endmodule"
    stimulus = Stimulus.random(_RANGE, 0, ())
    golden = await record_golden(tools, source, _RANGE, stimulus)
    assert golden.written.rows[5] == "010x"
    plain = source.replace(body, "assign y = {a[3:1], 1'b0};")
    assert (await grade_design(backend, plain, golden)).passed
    assert not (await grade_design(backend, plain.replace("a[3:1]", "a[2:0]"), golden)).passed


async def test_a_golden_of_wide_ports_is_driven_less(tools: ToolSession) -> None:
    wide = Interface("m", (Port("a", 4096),), (Port("y", 4096),))
    stimulus = Stimulus.random(wide, 0, alike(10, 1000))
    with pytest.raises(TooSlow, match="characters of inputs or outputs"):
        await record_golden(tools, "", wide, stimulus)


def test_stimulus_is_drawn_from_its_seed() -> None:
    runs = alike(2, 50)
    assert Stimulus.random(COUNTER, 3, runs) == Stimulus.random(COUNTER, 3, runs)
    assert Stimulus.random(COUNTER, 3, runs) != Stimulus.random(COUNTER, 4, runs)
    rows = Stimulus.random(COUNTER, 3, runs).rows
    reset = 1 << 6  # rst_n is the first of the driven inputs: active low
    assert not any(row & reset for row in [*rows[:4], *rows[50:54]])
    assert any(row & reset for row in rows[4:50])
    assert len(Stimulus.random(ADDER, 0, ()).rows) == 256


async def test_a_level_of_the_clock_is_seen(backend: Backend, tools: ToolSession) -> None:
    face = Interface("m", (Port("clk"), Port("a")), (Port("y"),), clock="clk")
    source = "module m(input clk, input a, output reg y);\n  always @* if (clk) y = a;\nendmodule"
    stimulus = Stimulus.random(face, 0, alike(1, 50))
    golden = await record_golden(tools, source, face, stimulus)
    assert (await grade_design(backend, source, golden)).passed
    verdict = await grade_design(backend, source.replace("(clk)", "(!clk)"), golden)
    assert "before the edge" in verdict.feedback()


async def test_rare_values_are_met_where_they_are_known(
    backend: Backend, tools: ToolSession
) -> None:
    face = Interface("m", (Port("a", 24),), (Port("y"),))
    source = "module m(input [23:0] a, output y); assign y = a == 24'hABCDEF; endmodule"
    other = source.replace("EF", "EE")
    for values, passes in (((), True), (numbers(source), False)):
        stimulus = Stimulus.random(face, 0, alike(6, 50), values=values)
        golden = await record_golden(tools, source, face, stimulus)
        assert (await grade_design(backend, other, golden)).passed is passes


_OPTIMIST = """
module m(input clk, input load, input d, output reg y);
  reg s;
  always @(posedge clk) if (load) s <= d;
  always @* if (s) y = 1; else y = d;
endmodule
"""


async def test_what_a_netlist_leaves_open_is_free_to_netlists_alone(
    backend: Backend, tools: ToolSession
) -> None:
    """Until it is loaded, s is x: as written y is d then, of the netlist x where d is 0."""
    found = await examine(tools, _OPTIMIST)
    stimulus = Stimulus.random(found.interface, 0, [Run(Pattern.MOSTLY_0, "none", 100)])
    golden = await record_golden(tools, _OPTIMIST, found.interface, stimulus, netlist=found.netlist)
    pairs = zip(golden.written.rows, golden.netlist_trace.rows, strict=True)
    assert {*pairs} == {("0", "0"), ("1", "1"), ("0", "x")}
    assert (await grade_design(backend, _OPTIMIST, golden)).passed
    for unlike in (
        _OPTIMIST.replace("if (load)", "if (d)"),
        _OPTIMIST.replace("y = d", "y = ~d"),
    ):
        assert not (await grade_design(backend, unlike, golden)).passed


_FLOP = "module m(input clk, input set, input rst, input d, output reg q);"
_SELF = {
    "set and reset": (
        f"{_FLOP} always @(posedge clk or posedge rst or posedge set)\n"
        "if (rst) q <= 0; else if (set) q <= 1; else q <= d; endmodule",
        "a register is both set and reset asynchronously",
    ),
    "latch": (
        f"{_FLOP} always @* if (rst) q = 0; else if (clk) q = d; endmodule",
        "a latch is enabled by what its data depends on",
    ),
    "transparent memory": (
        "module m(input we, input [1:0] a, input [1:0] b, input [3:0] d, output [3:0] q);\n"
        "reg [3:0] r [0:3]; always @* if (we) r[a] = d; assign q = r[b]; endmodule",
        "a latch is enabled by what its data depends on",
    ),
    "rules": (f"{_FLOP} always @(posedge clk) q <= $random; endmodule", "breaks the rules"),
}


@pytest.mark.parametrize("name", _SELF)
async def test_a_golden_that_would_not_pass_as_its_own_answer_is_refused(
    tools: ToolSession, name: str
) -> None:
    source, words = _SELF[name]
    found = await examine(tools, source.replace("$random", "d"))
    stimulus = Stimulus.random(found.interface, 0, alike(18, 100))
    netlist = None if "$" in source else found.netlist
    with pytest.raises(UsageError, match=words):
        await record_golden(tools, source, found.interface, stimulus, netlist=netlist)


_BUS = "module m(input e, input f, input [1:0] a, output [1:0] y); assign y = {}; endmodule"


async def test_an_output_that_floats_is_no_zero(backend: Backend, tools: ToolSession) -> None:
    source = _BUS.format("e ? a : 2'bz")
    found = await examine(tools, source)
    stimulus = Stimulus.random(found.interface, 0, ())
    golden = await record_golden(tools, source, found.interface, stimulus, netlist=found.netlist)
    two = _BUS.format("e & f ? a : 2'bzz; assign y = e & !f ? a : 2'bzz")
    assert (await grade_design(backend, two, golden)).passed
    for other in ("e ? a : 2'b0", "e ? a : 2'bx", "a", "e ? a : {1'bz, a[0]}", "2'bz"):
        assert not (await grade_design(backend, _BUS.format(other), golden)).passed
