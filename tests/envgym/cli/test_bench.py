"""The bench command: what it finds, what it prints, how it compares."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from envgym.cli.bench import load_bench, show
from envgym.errors import Fault, UsageError

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT))

from benchmarks import harness  # noqa: E402
from benchmarks.harness import OURS, Bench, Data, Side, report  # noqa: E402


def test_every_bench_loads_and_its_scripts_are_there() -> None:
    for name in ("code", "core", "engine", "retrieval", "sandbox", "service", "train", "verilog"):
        bench = load_bench(ROOT, name)
        assert bench.name == name
        assert sum(side.name == OURS for side in bench.sides) == 1
        assert all((ROOT / "benchmarks" / side.script).is_file() for side in bench.sides)
        assert all("==" in part for part in " ".join(bench.requirements).split())


def test_mistakes_name_their_fix(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="clone its repository"):
        load_bench(tmp_path, "core")
    with pytest.raises(UsageError, match=r"no bench 'cores'.*'core'"):
        load_bench(ROOT, "cores")


def test_ratios_are_of_medians_and_above_one_where_we_are_better() -> None:
    result = report(
        {
            OURS: [{"a_per_s": 10, "b_s": 1}, {"a_per_s": 90, "b_s": 5}, {"a_per_s": 20, "b_s": 2}],
            "peer": [{"a_per_s": 10, "b_s": 4, "c_mib": 7}],
        }
    )
    assert result["ours"] == {"a_per_s": 20, "b_s": 2}
    assert result["peers"] == {"peer": {"a_per_s": 10, "b_s": 4, "c_mib": 7}}
    assert result["ratios"] == {"peer.a_per_s": 2.0, "peer.b": 2.0}
    bare = report({OURS: [{"per_s": 10}], "peer": [{"per_s": 5}]})
    assert bare["ratios"] == {"peer.per_s": 2.0}
    with pytest.raises(UsageError, match="'speed' has no unit"):
        report({OURS: [{"speed": 1}], "peer": [{"speed": 1}]})


@pytest.fixture
def scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(harness, "ROOT", tmp_path)
    folder = tmp_path / "benchmarks"
    folder.mkdir()
    (folder / "side.py").write_text(
        "import json, os, sys\n"
        "open('order', 'a').write(sys.argv[1])\n"
        "print('noise')\n"
        "print(json.dumps({'x_per_s': float(os.environ['OMP_NUM_THREADS'])}))\n"
    )
    (folder / "absent.py").write_text('print(\'{"absent": "no engine answers"}\')')
    (folder / "broken.py").write_text("raise SystemExit('no such peer')")
    return folder


def test_sides_run_in_turn_with_equal_threads(scripts: Path) -> None:
    sides = (Side(OURS, "side.py", ("a",)), Side("peer", "side.py", ("b",)))
    said: list[str] = []
    result = Bench("t", sides, threads=3).run(2, said.append)
    assert (scripts / "order").read_text() == "abab"
    assert said[-1] == "round 2 of 2: peer"
    assert result["ratios"] == {"peer.x_per_s": 1.0}
    assert result["ours"] == {"x_per_s": 3.0}
    assert (result["machine"]["rounds"], result["machine"]["threads"]) == (2, 3)


def test_published_data_is_found_or_its_absence_names_the_fix(
    scripts: Path, tmp_path: Path
) -> None:
    (scripts / "reads.py").write_text(
        "import json, os\nprint(json.dumps({'x_s': float(open(os.environ['BENCH_DATA']).read())}))"
    )
    bench = Bench("t", (Side(OURS, "reads.py"),), data=Data("rows.txt", "rows.txt of example.org"))
    with pytest.raises(UsageError, match=r"rows\.txt of example\.org.*--data"):
        bench.run(1, lambda text: None, str(tmp_path))
    (tmp_path / "rows.txt").write_text("4")
    assert bench.run(1, lambda text: None, str(tmp_path))["ours"] == {"x_s": 4.0}


def test_a_side_that_breaks_is_a_fault_that_shows_why(scripts: Path) -> None:
    with pytest.raises(Fault, match=r"broken\.py failed:\nno such peer"):
        Bench("t", (Side(OURS, "broken.py"),)).run(1, lambda text: None)


def test_a_peer_that_cannot_be_had_is_named_with_the_reason(scripts: Path) -> None:
    sides = (Side(OURS, "side.py", ("a",), "isolated"), Side("peer", "absent.py"))
    said: list[str] = []
    result = Bench("t", sides).run(2, said.append)
    assert result["absent"] == {"peer": "no engine answers"}
    assert (result["peers"], result["notes"]) == ({}, {OURS: "isolated"})
    assert said.count("round 2 of 2: peer") == 0


def test_the_table_shows_figures_and_ratios(capsys: pytest.CaptureFixture[str]) -> None:
    show(
        {
            "ratios": {"gem.step": 2.5},
            "ours": {"step_s": 2.0, "own_ms": 1234.0},
            "peers": {"gem": {"step_s": 5.0}},
            "absent": {"docker": "no engine answers"},
            "notes": {"gem": "not isolated"},
            "machine": {"cores": 2},
        }
    )
    text = capsys.readouterr().out
    assert "5 (2.50x)" in text
    assert "1,234" in text
    assert "docker is not here: no engine answers" in text
    assert "gem: not isolated" in text
    assert "cores  2" in text


def test_json_is_one_object(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from envgym.cli import bench

    class Quick:
        def run(self, rounds: int | None, say: object, data: str | None) -> dict[str, object]:
            return {"ratios": {}, "ours": {}, "peers": {}, "machine": {"rounds": rounds}}

    monkeypatch.setattr(bench, "load_bench", lambda root, name: Quick())
    bench.bench_command("core", rounds=1, as_json=True)
    assert json.loads(capsys.readouterr().out)["machine"] == {"rounds": 1}
