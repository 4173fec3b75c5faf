"""Proofs on the disk: taken by the next process, never those of other rows, never broken ones."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from envgym.environments.code.data import verify_references as proving
from envgym.environments.code.data.dataset import Problems, Source
from envgym.environments.code.data.formats.row import Loaded
from envgym.environments.code.data.verification_cache import Proof, Proofs, key_of
from envgym.environments.code.problem import Problem, Suite
from envgym.errors import Fault, UsageError
from tests.environments.code.conftest import about_total, written

ROW = {
    "question": "Q",
    "input_output": {"inputs": ["1\n", "2\n"], "outputs": ["1\n", "2\n"]},
    "solutions": ["print(input())"],
}
BAD = {**ROW, "solutions": ["print(3)"]}
SLOW = {**ROW, "solutions": ["while True: pass"]}


def runs(monkeypatch: pytest.MonkeyPatch) -> list[Problem]:
    """The problems whose references ran since."""
    seen: list[Problem] = []
    judge = proving.judge

    async def counted(backend: Any, problem: Problem, *args: Any, **kwargs: Any) -> Any:
        seen.append(problem)
        return await judge(backend, problem, *args, **kwargs)

    monkeypatch.setattr(proving, "judge", counted)
    return seen


@pytest.mark.usefixtures("boxes")
def test_a_row_is_proven_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = runs(monkeypatch)
    source = Source(written(tmp_path, ROW, BAD), bad_rows="drop")
    first = Problems.open(source)
    assert len(seen) == 2
    assert Problems.open(source) == first
    assert len(seen) == 2
    Problems.open(replace(source, bounds=replace(source.bounds, time_s=4)))  # other bounds
    assert len(seen) == 4
    Problems.open(replace(source, cache=False))
    assert len(seen) == 6
    changed = {**ROW, "question": "Another."}
    Problems.open(Source(written(tmp_path, changed, BAD), bad_rows="drop"))
    assert len(seen) == 7


@pytest.mark.usefixtures("boxes")
def test_what_a_busy_machine_may_have_done_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Source(written(tmp_path, SLOW))
    source = replace(source, bounds=replace(source.bounds, time_s=0.2, budget_s=2))
    seen = runs(monkeypatch)
    for count in (1, 2):
        with pytest.raises(UsageError, match="time limit"):
            Problems.open(source)
        assert len(seen) == count


def test_a_fault_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, boxes: str) -> None:
    async def broken(*args: Any, **kwargs: Any) -> Any:
        raise Fault("the sandbox is gone", "infra")

    source = Source(written(tmp_path, ROW), backend=boxes)
    with monkeypatch.context() as patched:
        patched.setattr(proving, "judge", broken)
        with pytest.raises(Fault, match="is gone"):
            Problems.open(source)
    assert not list((tmp_path / "cache").rglob("*.json"))
    assert len(Problems.open(source).problems) == 1


def test_what_cannot_be_read_counts_as_none(tmp_path: Path) -> None:
    proofs, proof = Proofs(tmp_path), Proof(1, 0, (0, 2))
    key = "ab" * 32
    assert proofs.get(key) is None
    proofs.put(key, proof)
    assert proofs.get(key) == proof
    (path,) = tmp_path.rglob("*.json")
    whole = path.read_text()
    other = json.loads(whole) | {"key": "cd" * 32}
    fields = {"key": key, "proof": {"reference": "1"}}
    for text in (
        "",
        whole[:-9],
        "[]",
        "null",
        json.dumps(other),
        json.dumps(fields),
        json.dumps({"key": key, "proof": {"other": 1}}),
        json.dumps({"key": key, "proof": {"reference": 1, "shown": 3}}),
        "[" * 100_000,
    ):
        path.write_text(text)
        assert proofs.get(key) is None
    path.write_bytes(b"\xff\xfe")
    assert proofs.get(key) is None
    proofs.put(key, proof)
    assert proofs.get(key) == proof


def test_writers_at_once_leave_a_whole_proof(tmp_path: Path) -> None:
    key, proof = "ef" * 32, Proof(bad="x" * 10_000)
    with ThreadPoolExecutor(8) as threads:
        for _ in range(50):
            threads.submit(Proofs(tmp_path).put, key, proof)
        seen = [Proofs(tmp_path).get(key) for _ in range(200)]
    assert set(seen) <= {None, proof}
    assert [path.suffix for path in tmp_path.rglob("*") if path.is_file()] == [".json"]


def test_a_folder_that_cannot_be_made_is_told_and_no_error(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    Proofs(tmp_path / "file").put("ab" * 32, Proof())
    assert "ENVGYM_CACHE" in caplog.text


def test_the_users_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ENVGYM_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    Proofs.of_user().put("ab" * 32, Proof())
    assert list((tmp_path / "xdg" / "envgym" / "proofs").rglob("*.json"))


def test_a_key_holds_all_that_a_proof_rests_on() -> None:
    problem = about_total("io")
    base = Loaded("here", problem, ("print(1)",))
    others = [
        replace(base, references=("print(2)",)),
        replace(base, readings=(problem.suite,)),
        replace(base, problem=replace(problem, preamble="import re")),
        replace(base, problem=replace(problem, suite=Suite("io", (), problem.suite.hidden))),
    ]
    keys = [key_of(row, ["namespace"]) for row in (base, *others)]
    assert len({*keys, key_of(base, ["docker"])}) == 6
    assert key_of(replace(base, where="there"), ["namespace"]) == keys[0]
