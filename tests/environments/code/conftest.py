"""Fixtures of the code tests: real files where they are there, problems of each kind of test."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import envgym
from envgym import Action
from envgym.environments.code.judge import Bounds
from envgym.environments.code.problem import Problem, Suite, call_row
from envgym.environments.code.sandbox_queue import SandboxHandle
from envgym.errors import UsageError
from envgym.pytest_plugin import Examinations
from envgym.sandboxes import open_backend
from tests.machine import need

SOLUTION = "def total(numbers):\n    return sum(numbers)\n"


@pytest.fixture(autouse=True)
def _no_proofs_of_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Proofs go to a folder of the test's own: it takes none of the user's and leaves none."""
    monkeypatch.setenv("ENVGYM_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="session")
def boxes() -> str:
    """The backend that programs run in, or a skip where this machine refuses it."""

    async def opened() -> None:
        async with open_backend("namespace") as backend:
            await (await backend.open()).close()

    try:
        asyncio.run(opened())
    except UsageError as refused:
        need(False, str(refused))
    return "namespace"


@pytest.fixture(scope="module")
def one_zygote(envgym_examinations: Examinations, boxes: str) -> Iterator[None]:
    """One zygote for all instances that the checks make one after another, to save its start.

    It outlives each of them, so it makes no boxes ahead: that would be work which an instance that
    was closed seems to have left.
    """
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("envgym.environments.code.sandbox_queue.WARM", 0)
        held = SandboxHandle(boxes, {}, 16, Bounds().limits)
        envgym_examinations._runner.run(held.ready())
        yield
        envgym_examinations._runner.run(held.close())


def about_total(kind: str) -> Problem:
    """The problem of adding numbers, as rows of calls, asserts, or input and output."""
    if kind == "calls":
        rows = [([1, 2, 3], 6), ([10, 20], 30), ([7], 7)]
        cases = tuple(call_row([numbers], total) for numbers, total in rows)
        suite = Suite("calls", cases[:1], cases[1:], "total")
    elif kind == "asserts":
        public = "assert total([1, 2, 3]) == 6"
        hidden = (f"{public}\nassert total([10, 20]) == 30\nassert total([7]) == 7",)
        suite = Suite("asserts", (public,), hidden, "total", ("total",))
    else:
        lines = [("1 2 3\n", "6\n"), ("10 20\n", "30\n"), ("7\n", "7\n")]
        cases = tuple({"stdin": i, "expected": o} for i, o in lines)
        suite = Suite("io", cases[:1], cases[1:])
    plan = ("add the numbers one by one",)
    return Problem(f"total as {kind}", "Add the numbers.", suite, SOLUTION, plan=plan)


def written(folder: Path, *rows: Any) -> str:
    """A data file of these rows."""
    path = folder / "rows.jsonl.gz"
    with gzip.open(path, "wt") as out:
        out.writelines(f"{json.dumps(row)}\n" for row in rows)
    return str(path)


async def scored(folder: Path, row: dict[str, Any], *programs: str, **kwargs: Any) -> list[float]:
    """The scores of programs that are handed in for a data set of one row."""
    found = []
    async with envgym.make("code/python-v1", data=written(folder, row), **kwargs) as env:
        for program in programs:
            await env.reset(seed=0, options={"split": "all"})
            step = await env.step(Action.call("submit", code=program))
            found.append(step.info["score"])
    return found
