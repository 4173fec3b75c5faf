"""Proofs: what is the same is proved, what is not is refuted, and no trick is taken for a proof."""

from __future__ import annotations

import pytest

from envgym.errors import Fault
from envgym.sandboxes import Backend
from envgym.sandboxes.graders.verilog import Proof, equivalent
from envgym.sandboxes.graders.verilog.analysis import equivalence as proving
from tests.sandboxes.graders.verilog.designs import (
    ADDER_SOURCE,
    ALIKE,
    ATTACKS,
    COUNTER_SOURCE,
    OTHERS,
    no_rules,
)

pytestmark = pytest.mark.usefixtures("verilog_tools")
_TRICKS = [
    "78 golden module by name",
    "90 bind",
    "91 attribute",
    "assume nothing",
    "SAT: any constant",
]


@pytest.mark.parametrize("name", ALIKE)
async def test_the_same_circuit_is_proved(backend: Backend, name: str) -> None:
    found = await equivalent(backend, COUNTER_SOURCE, ALIKE[name], "counter")
    assert found.proof is Proof.PROVEN, found


@pytest.mark.parametrize(
    "name", ["counts down", "synchronous reset", "other edge", "reset by one", "full too early"]
)
async def test_another_circuit_is_refuted(backend: Backend, name: str) -> None:
    found = await equivalent(backend, COUNTER_SOURCE, OTHERS[name], "counter")
    assert found.proof is Proof.REFUTED
    assert "in_clk" in found.detail or "in_load" in found.detail


@pytest.mark.parametrize("name", _TRICKS)
async def test_no_trick_is_a_proof(
    backend: Backend, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_rules = await equivalent(backend, COUNTER_SOURCE, ATTACKS[name], "counter")
    assert with_rules.proof is not Proof.PROVEN
    monkeypatch.setattr(proving, "check", no_rules)
    without = await equivalent(backend, COUNTER_SOURCE, ATTACKS[name], "counter")
    assert without.proof is not Proof.PROVEN or name == "91 attribute"


async def test_a_golden_module_of_the_same_name_is_not_reached(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proving, "check", no_rules)
    for name in ("gold", "\\gold ", "adder_gold"):
        cheat = (
            "module adder(input [3:0] a, input [3:0] b, output [4:0] sum);\n"
            f"  {name} g(.a(a), .b(b), .sum(sum));\nendmodule\n"
        )
        assert (await equivalent(backend, ADDER_SOURCE, cheat, "adder")).proof is Proof.UNKNOWN


async def test_what_the_golden_leaves_open_is_free(backend: Backend) -> None:
    golden = "module m(input a, output y); assign y = a ? 1'bx : 1'b0; endmodule"
    kept = "module m(input a, output y); assign y = a; endmodule"
    assert (await equivalent(backend, golden, kept, "m")).proof is Proof.PROVEN
    assert (await equivalent(backend, kept, golden, "m")).proof is Proof.REFUTED


async def test_without_time_nothing_is_known(backend: Backend) -> None:
    wide = "module m(input [39:0] a, b, output [79:0] y); assign y = {0}; endmodule"
    found = await equivalent(
        backend, wide.replace("{0}", "a * b"), wide.replace("{0}", "b * a"), "m", seconds=1
    )
    assert found.proof is Proof.UNKNOWN


async def test_a_missing_tool_is_no_verdict(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    from envgym.sandboxes.graders.verilog.tools import tool_commands
    from envgym.sandboxes.outcome import Outcome, Result

    async def gone(*argv: object, **kwargs: object) -> Result:
        return Result(Outcome.RE, 127)

    box = await backend.open()
    monkeypatch.setattr(type(box), "exec", gone)
    with pytest.raises(Fault, match="no yosys in the sandbox"):
        await equivalent(backend, ADDER_SOURCE, ADDER_SOURCE, "adder")
    assert tool_commands.plain("always_comb x") == "always @* x"
    await box.close()


async def test_two_drivers_of_a_net_are_not_decided(backend: Backend) -> None:
    source = (
        "module m(input [1:0] a, output [1:0] y); assign y = a & 2'd3 ^ {a[0], a[1]}; endmodule"
    )
    twice = source.replace("endmodule", "assign y[1] = 1'bx; endmodule")
    found = await equivalent(backend, source, twice, "m")
    assert found.proof is Proof.UNKNOWN
    assert "two drivers" in found.detail
