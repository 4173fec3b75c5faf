from __future__ import annotations

import pytest

from envgym.errors import UsageError
from envgym.sandboxes import Backend
from envgym.sandboxes.graders.verilog import (
    Interface,
    Port,
    Proof,
    Stimulus,
    ToolSession,
    alike,
    equivalent,
    grade_design,
    record_golden,
)
from envgym.sandboxes.graders.verilog.source.lint import lint
from envgym.sandboxes.graders.verilog.tools.wrapper import stuck, wrapped
from tests.sandboxes.graders.verilog.designs import ALIKE, COUNTER, COUNTER_SOURCE

pytestmark = pytest.mark.usefixtures("verilog_tools")


@pytest.mark.parametrize("source", [COUNTER_SOURCE, *ALIKE.values()])
async def test_a_design_in_a_wrapper_is_the_same_design(backend: Backend, source: str) -> None:
    around = wrapped(source, COUNTER, {})
    assert not lint(around, "counter")
    assert (await equivalent(backend, source, around, "counter")).proof is Proof.PROVEN


def test_names_that_are_taken_are_avoided() -> None:
    face = Interface("m", (Port("a"),), (Port("y"),))
    source = "module m(input a, output y); wire m_inner, y_inner_; assign y = a; endmodule : m\n"
    around = wrapped(source, face, {"y": "~{}"})
    assert "module m_inner__(" in around
    assert "endmodule : m_inner__" in around
    assert "assign y = ~y_inner__;" in around


def test_a_module_that_a_macro_names_cannot_be_wrapped() -> None:
    with pytest.raises(UsageError, match="no module counter"):
        wrapped("`define N counter\nmodule `N(input a, output y); endmodule", COUNTER, {})


async def test_stuck_bits_are_wrong_and_the_others_as_they_were(
    backend: Backend, tools: ToolSession
) -> None:
    golden = await record_golden(
        tools, COUNTER_SOURCE, COUNTER, Stimulus.random(COUNTER, 0, alike(4, 100))
    )
    for port in COUNTER.outputs:
        for bit in range(port.width):
            for value in (0, 1):
                variant = wrapped(COUNTER_SOURCE, COUNTER, {port.name: stuck(port, {bit: value})})
                verdict = await grade_design(backend, variant, golden)
                failure = verdict.first_failure
                assert failure is not None
                assert failure.name == "simulation"
                assert f"  {port.name} is" in failure.detail
    assert stuck(Port("y", 3), {1: 0}) == "{{}[2], 1'b0, {}[0]}"
