"""Fixtures shared by the Verilog tests: programs, boxes, and the real problems where they lie."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

import envgym
from envgym.errors import UsageError
from envgym.pytest_plugin import Examinations
from envgym.sandboxes import Backend
from envgym.sandboxes.backends.registry import open_backend
from tests.machine import data_file, need, need_programs


@pytest.fixture(autouse=True, scope="session")
def verilog_tools() -> None:
    need_programs("iverilog", "vvp", "yosys")


@pytest.fixture(scope="session")
def boxes() -> str:
    """The backend that tools run in, or a skip where this machine refuses it."""

    async def opened() -> None:
        async with open_backend("namespace") as backend:
            await (await backend.open()).close()

    try:
        asyncio.run(opened())
    except UsageError as refused:
        need(False, str(refused))
    return "namespace"


@pytest.fixture
async def backend(boxes: str) -> AsyncIterator[Backend]:
    async with open_backend(boxes) as opened:
        yield opened


CHECKED = {"sequences": 2, "steps": 40}
"""Arguments of the environments that are examined: judging is not what the contract is about."""


@pytest.fixture(scope="module")
def one_toolchain(envgym_examinations: Examinations, boxes: str) -> Iterator[None]:
    """One toolchain for all instances that the checks make one after another, to save its start.

    It outlives each of them, so it makes no boxes ahead: that would be work which an instance that
    was closed seems to have left.
    """
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("envgym.environments.verilog.toolchain._WARM", 0)
        env = envgym.make("verilog/design-v1", sandbox=boxes, **CHECKED)
        envgym_examinations._runner.run(env.reset(seed=0))
        yield
        envgym_examinations._runner.run(env.close())


@pytest.fixture(scope="session")
def verilog_eval() -> Path:
    return data_file("verilog-eval/dataset_spec-to-rtl")
