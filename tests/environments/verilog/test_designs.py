"""Generated designs: goldens are right, every mutant is wrong, splits share nothing.

All families were held to this once; here always the same few are, one of each level.
"""

from __future__ import annotations

import random

import pytest

from envgym.environments.verilog.generated import FAMILIES, Design, draw
from envgym.environments.verilog.generated.builder import Draft, finish
from envgym.environments.verilog.generated.families import choose, split_of
from envgym.errors import UsageError
from envgym.sandboxes import Backend
from envgym.sandboxes.graders.verilog import (
    Stimulus,
    ToolBox,
    examine,
    fitted,
    grade_design,
    record_golden,
)
from envgym.sandboxes.graders.verilog.judge import LIMITS
from envgym.sandboxes.graders.verilog.source.lint import lint

_JUDGED = ["priority_encoder", "timer", "fifo", "crc"]


def _made(name: str, seed: int) -> Design:
    family, level = FAMILIES[name]
    return finish(family(random.Random(seed)), name, level, "top_module")


def test_there_are_many() -> None:
    assert len(FAMILIES) >= 40
    assert {level for _, level in FAMILIES.values()} == {1, 2, 3, 4}


@pytest.mark.parametrize("name", FAMILIES)
def test_designs_keep_the_rules_and_their_mutants_differ(name: str) -> None:
    for seed in range(10):
        design = _made(name, seed)
        assert design == _made(name, seed)
        assert lint(design.golden, "top_module") == []
        assert len({design.golden, *design.mutants}) == len(design.mutants) + 1
        assert len(design.mutants) >= 3
        assert design.spec
        assert design.plan


@pytest.mark.parametrize("name", _JUDGED)
async def test_goldens_are_right_and_mutants_wrong(backend: Backend, name: str) -> None:
    design = _made(name, 11)
    face = design.interface
    async with ToolBox(backend, LIMITS) as tools:
        examined = await examine(tools, design.golden, "top_module")
        found, netlist = examined.interface, examined.netlist
        assert (found.inputs, found.outputs) == (face.inputs, face.outputs)
        assert (found.clock, found.edges) == (face.clock, face.edges)
        stimulus = Stimulus.random(face, 0, fitted(face, examined.state, counts=examined.counts))
        golden = await record_golden(tools, design.golden, face, stimulus, netlist=netlist)
    assert (await grade_design(backend, design.golden, golden)).passed
    for mutant in design.mutants:
        verdict = await grade_design(backend, mutant, golden)
        assert verdict.first_failure is not None, mutant
        assert verdict.first_failure.name == "simulation", verdict


def test_an_edit_that_changes_nothing_is_an_error() -> None:
    draft = Draft("s", "p", "a", "y", "assign y = a;", [("b", "c")])
    with pytest.raises(ValueError, match="changes nothing"):
        finish(draft, "f", 1, "m")


def test_a_design_belongs_to_one_split() -> None:
    names = choose((), (1,))
    train = {draw(random.Random(i), names, "train").golden for i in range(100)}
    test = {draw(random.Random(i), names, "test").golden for i in range(100)}
    assert not train & test
    assert len(test) > 50
    assert split_of(draw(random.Random(3), names, "test")) == "test"


def test_families_and_levels_choose() -> None:
    assert choose(["fifo"], ()) == ["fifo"]
    assert {FAMILIES[name][1] for name in choose((), (2, 4))} == {2, 4}
    for families, levels in ((["fofi"], ()), (["fifo"], (1,)), ((), (9,))):
        with pytest.raises(UsageError):
            choose(families, levels)
