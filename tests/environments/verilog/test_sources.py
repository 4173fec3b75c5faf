"""Problems from files: what is read, and what is refused with the file's name."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from envgym.environments.verilog.mutate import mutants, some_mutants
from envgym.environments.verilog.problem import Problem
from envgym.environments.verilog.sources import load_problems
from envgym.environments.verilog.sources.text import read_text
from envgym.errors import UsageError

GOLDEN = "module add(input [1:0] a, b, output [2:0] y);\n  assign y = a + b;\nendmodule"
FACTS = {
    "code": GOLDEN,
    "input_port_width": [["a", 2], ["b", 2]],
    "output_port_width": [["y", 3]],
    "clock_port_polarity": [],
    "reset_port_polarity_sync": [],
}


def _rows(path: Path, *rows: object) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def test_verilog_eval(verilog_eval: Path) -> None:
    problems = load_problems(str(verilog_eval.parent))
    assert len(problems) == 156
    first = problems[0]
    assert (first.name, first.module) == ("Prob001_zero", "TopModule")
    assert "module TopModule" in first.goldens[0]
    assert "RefModule" not in first.goldens[0]
    assert "TopModule" in first.spec
    assert problems == load_problems(str(verilog_eval))


def test_rtllm(tmp_path: Path) -> None:
    folder = tmp_path / "Arithmetic" / "Adder" / "add"
    folder.mkdir(parents=True)
    (folder / "design_description.txt").write_text("Add.\nModule name:\n    add\nInputs: a, b")
    (folder / "testbench.v").write_text("module tb; endmodule")
    verified = folder / "verified_add.v"
    verified.write_text(GOLDEN.replace("module add", "module verified_add"))
    [problem] = load_problems(str(tmp_path))
    assert (problem.name, problem.module) == ("Arithmetic/Adder/add", "add")
    assert problem.goldens == (GOLDEN,)
    verified.write_text(GOLDEN.replace("module add", "module verified_other"))
    assert load_problems(str(tmp_path)) == [problem]  # as in adder_pipe_64bit
    verified.write_text(
        GOLDEN.replace("module add", "module part(); endmodule\nmodule verified_add")
    )
    assert load_problems(str(tmp_path))[0].module == "add"  # as in asyn_fifo
    verified.write_text("no module")
    with pytest.raises(UsageError, match=r"verified_add\.v: defines no module add"):
        load_problems(str(tmp_path))
    verified.unlink()
    with pytest.raises(UsageError, match="0 files verified_NAME"):
        load_problems(str(tmp_path))


@pytest.mark.parametrize(
    "truth",
    [
        {"reward_model": {"ground_truth": {"first": FACTS}}},
        {"reward_model": {"ground_truth": json.dumps([FACTS])}},
        {"reward_model": {"style": "rule", "ground_truth": {"answer": FACTS}}},  # CodeV-R1's own
        {"ground_truth": FACTS},
    ],
)
def test_codev_rows(tmp_path: Path, truth: dict[str, object]) -> None:
    prompt = [{"role": "system", "content": "s"}, {"role": "user", "content": "Add a and b."}]
    path = _rows(tmp_path / "rows.jsonl", {"prompt": prompt, **truth})
    [problem] = load_problems(path)
    assert problem == Problem(
        "row 1", "Add a and b.", (GOLDEN + "\n",), ports={"a": 2, "b": 2, "y": 3}
    )
    assert Problem.of(problem.task("train")) == problem
    zipped = tmp_path / "rows.jsonl.gz"
    zipped.write_bytes(gzip.compress(Path(path).read_bytes()))
    assert load_problems(str(zipped)) == [problem]


def test_several_goldens_and_plain_code(tmp_path: Path) -> None:
    other = GOLDEN.replace("a + b", "b + a")
    row = {"question": "Add.", "goldens": [GOLDEN, other, GOLDEN], "module": "add", "id": 7}
    [problem] = load_problems(_rows(tmp_path / "r.jsonl", row))
    assert problem.goldens == (GOLDEN + "\n", other + "\n")
    assert (problem.name, problem.module) == ("7", "add")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"question": "Add."}, "line 1: no golden design"),
        ({"answer": GOLDEN}, "line 1: no question"),
        ({"question": "Add.", "answer": "\x80\x04\x95 pickled"}, "pickled one is not read"),
        ({"question": "Add.", "answer": "{broken"}, "no JSON"),
        ({"question": "Add.", "answer": 5}, "type int"),
        ({"question": "Add.", "answer": {**FACTS, "input_port_width": [5]}}, "input_port_width"),
        ({"question": "Add.", "answer": GOLDEN + "\n//x" * 300_000}, "characters"),
        ({"question": "\ud800", "answer": GOLDEN}, "line 1: half a character"),
        ([1], "is an object"),
    ],
)
def test_broken_rows_are_named(tmp_path: Path, row: object, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        load_problems(_rows(tmp_path / "r.jsonl", row))


def test_broken_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no file or folder"):
        load_problems(str(tmp_path / "nowhere"))
    with pytest.raises(UsageError, match="neither VerilogEval's layout"):
        load_problems(str(tmp_path))
    (tmp_path / "P_prompt.txt").write_text("Do.")
    with pytest.raises(UsageError, match=r"P_prompt\.txt has no P_ref\.sv"):
        load_problems(str(tmp_path))
    reference = tmp_path / "P_ref.sv"
    reference.write_bytes(b"module RefModule\xff")
    with pytest.raises(UsageError, match=r"P_ref\.sv: no UTF-8 at byte 16"):
        load_problems(str(tmp_path))
    reference.write_text("module RefModule;\n" + "\n" * (1 << 20))
    with pytest.raises(UsageError, match="more than the 1048576"):
        load_problems(str(tmp_path))
    reference.write_text("module other; endmodule")
    with pytest.raises(UsageError, match="no module RefModule"):
        load_problems(str(tmp_path))
    (tmp_path / "x.jsonl").write_text("\n")
    (tmp_path / "y.jsonl.gz").write_bytes(b"no gzip")
    (tmp_path / "z.jsonl").write_bytes(b'{"question": "\xff"}\n')
    for name, words in (
        ("x.jsonl", "no rows"),
        ("y.jsonl.gz", "cannot read"),
        ("z.jsonl", "line 1: no JSON"),
    ):
        with pytest.raises(UsageError, match=words):
            load_problems(str(tmp_path / name))


def test_a_files_lines_may_end_in_any_way(tmp_path: Path) -> None:
    for end in ("\n", "\r\n", "\r"):
        path = tmp_path / "design.v"
        path.write_bytes(b"\xef\xbb\xbf" + f"a // b{end}c".encode())
        assert read_text(path) == "a // b\nc"


def test_mutants_are_one_edit() -> None:
    source = (
        "module m(input clk, input r, input [1:0] d, output reg [1:0] q);\n"
        "  reg [2:0] w;\n  always @(posedge clk)\n    if (r) q <= 2'b00;\n"
        "    else q <= (w == 3) ? d : q + 1;\nendmodule\n"
    )
    found = mutants(source)
    changed = {mutant.source.splitlines()[mutant.line - 1].strip() for mutant in found}
    assert all(m.source.startswith(source[: source.index(";")]) for m in found)
    for line in (
        "always @(negedge clk)",
        "reg [3:0] w;",
        "if (!(r)) q <= 2'b00;",
        "if (r) q <= 2'b01;",
        "else q <= (w != 3) ? d : q + 1;",
        "else q <= (w == 4) ? d : q + 1;",
        "else q <= (w == 3) ? d : q - 1;",
    ):
        assert line in changed
    assert {m.kind for m in found} >= {"edge", "width", "polarity", "constant", "operator"}
    import random

    some = some_mutants(source, random.Random(0), 5)
    assert len({m.kind for m in some}) == 5
    assert some == some_mutants(source, random.Random(0), 5)
