"""Golden designs with an output bit stuck: none passes, or the golden design is refused by name."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from envgym.environments.verilog.generated.builder import finish
from envgym.environments.verilog.generated.families import FAMILIES
from envgym.environments.verilog.problem import Problem
from envgym.environments.verilog.sources import load_problems
from envgym.environments.verilog.toolchain import Settings, Toolchain
from envgym.environments.verilog.variants import stuck_designs

_EACH = 6  # variants of a golden design; `scripts.verilog_evidence … stuck` judges all
_REAL = ("Prob003", "Prob034", "Prob064", "Prob082", "Prob094", "Prob120", "Prob140")
_GENERATED = ("divide_by_constant", "up_counter", "lock", "token_bucket", "fifo", "pwm")


@pytest.fixture
async def bench(boxes: str) -> AsyncIterator[Toolchain]:
    made = Toolchain(Settings(boxes, lengths=None, formal=False))
    yield made
    await made.close()


async def _hold(bench: Toolchain, problem: Problem) -> None:
    golden = await bench.golden(problem, problem.goldens[0])
    assert (await bench.judge(problem, problem.goldens[0])).passed
    stuck = list(stuck_designs(golden))
    for variant in random.Random(problem.name).sample(stuck, min(_EACH, len(stuck))):
        failure = (await bench.judge(problem, variant.source)).first_failure
        assert failure is not None, variant
        assert failure.name == "simulation", variant


@pytest.mark.parametrize("name", _GENERATED)
async def test_generated_designs(bench: Toolchain, name: str) -> None:
    family, level = FAMILIES[name]
    design = finish(family(random.Random(f"{name}:0")), name, level, "top_module")
    await _hold(bench, Problem.generated(design))


@pytest.mark.parametrize("name", _REAL)
async def test_verilog_eval(bench: Toolchain, verilog_eval: Path, name: str) -> None:
    [problem] = [p for p in load_problems(str(verilog_eval)) if p.name.startswith(name)]
    await _hold(bench, problem)


async def test_a_bit_that_is_constant_has_one_variant_and_one_that_is_open_has_none(
    bench: Toolchain,
) -> None:
    source = "module m(input a, output [2:0] y); assign y = {1'bx, 1'b1, a}; endmodule"
    golden = await bench.golden(Problem("m", "s", (source,)), source)
    found = {(variant.bit, variant.value) for variant in stuck_designs(golden)}
    assert found == {(1, 0), (0, 0), (0, 1)}
