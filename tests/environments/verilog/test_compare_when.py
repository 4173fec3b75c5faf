"""Rows that leave outputs open at times: what is then compared, and what such a row may say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import envgym
from envgym import Action
from envgym.environments.verilog.compare_when import compared_when, conditions
from envgym.errors import Fault, UsageError
from tests.sandboxes.graders.verilog.designs import COUNTER, COUNTER_SOURCE

QUICK: dict[str, Any] = {"sequences": 6, "steps": 60, "attempts": 1}
GOLDEN = """module stage(input clk, input rst, input go, input [3:0] d, output reg [3:0] q,
             output reg valid);
  always @(posedge clk) if (rst) begin valid <= 0; q <= 0; end
    else begin valid <= go; if (go) q <= d; end
endmodule
"""
FREE = GOLDEN.replace("if (go) q <= d", "q <= d")  # q moves while nothing is valid
WRONG = GOLDEN.replace("if (go) q <= d", "q <= ~d")
LATE = GOLDEN.replace("valid <= go", "valid <= 1")


def _write(path: Path, row: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(row))


async def _scores(
    path: Path, golden: str, when: Any, designs: Mapping[str, str]
) -> dict[str, float]:
    _write(path, {"question": "q", "golden": golden, "compare_when": when})
    scores = {}
    async with envgym.make("verilog/design-v1", data=str(path), **QUICK) as env:
        for name, design in designs.items():
            await env.reset(options={"split": "all"})
            step = await env.step(Action.call("submit", design=design))
            scores[name] = step.info["score"]
    return scores


@pytest.mark.parametrize("when", [{"q": "valid"}, "valid", {"*": "valid == 1'b1"}])
async def test_outputs_are_compared_while_the_condition_holds(
    boxes: str, tmp_path: Path, when: Any
) -> None:
    designs = {"itself": GOLDEN, "free": FREE, "wrong": WRONG, "late": LATE}
    scores = await _scores(tmp_path / "rows.jsonl", GOLDEN, when, designs)
    assert scores == {"itself": 1.0, "free": 1.0, "wrong": 0.0, "late": 0.0}
    always = await _scores(tmp_path / "rows.jsonl", GOLDEN, None, {"free": FREE})
    assert always == {"free": 0.0}


async def test_inputs_may_be_outside_the_specification(boxes: str, tmp_path: Path) -> None:
    golden = "module inc(input [3:0] d, output [3:0] y); assign y = d + 1; endmodule"
    decimal = golden.replace("d + 1", "d > 9 ? 4'd0 : d + 1")
    designs = {"itself": golden, "decimal": decimal, "wrong": golden.replace("+ 1", "+ 2")}
    scores = await _scores(tmp_path / "rows.jsonl", golden, {"y": "d <= 9"}, designs)
    assert scores == {"itself": 1.0, "decimal": 1.0, "wrong": 0.0}


async def test_an_expression_that_is_none_is_told(boxes: str, tmp_path: Path) -> None:
    with pytest.raises(Fault, match="compare_when, the golden design: Yosys does not take it"):
        await _scores(tmp_path / "rows.jsonl", GOLDEN, "valid &&", {"a": GOLDEN})


async def test_a_condition_that_never_holds_judges_nothing(boxes: str, tmp_path: Path) -> None:
    with pytest.raises(Fault, match="no defined output"):
        await _scores(tmp_path / "rows.jsonl", GOLDEN, {"q": "1 == 0", "valid": "0"}, {"a": GOLDEN})


@pytest.mark.parametrize(
    "value", [3, ["valid"], {"q": 1}, {"q": "a; b"}, "$random", "", "a = b", "`x"]
)
def test_what_is_no_condition_is_refused(value: Any) -> None:
    with pytest.raises(UsageError, match="row 1: compare_when"):
        conditions(value, "row 1")


def test_names_have_to_be_ports() -> None:
    with pytest.raises(UsageError, match="the output 'sum'"):
        compared_when(COUNTER_SOURCE, COUNTER, {"sum": "full"})
    with pytest.raises(UsageError, match="reads 'valid'"):
        compared_when(COUNTER_SOURCE, COUNTER, {"count": "valid & full"})
