"""Fixtures shared by the Verilog tests: the programs, boxes, and the real problems where they lie."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from envgym.sandboxes import Backend
from envgym.sandboxes.backends import open_backend

_DATA = Path(__file__).resolve().parents[4] / "shared" / "data"


def _skip(why: str) -> None:
    if os.environ.get("ENVGYM_REQUIRE_ALL") == "1":
        pytest.fail(why)
    pytest.skip(why)


@pytest.fixture(autouse=True, scope="session")
def verilog_tools() -> None:
    missing = [name for name in ("iverilog", "vvp", "yosys") if shutil.which(name) is None]
    if missing:
        _skip(f"not installed: {', '.join(missing)}")


@pytest.fixture
async def backend() -> AsyncIterator[Backend]:
    async with open_backend("unsafe") as opened:
        yield opened


@pytest.fixture(scope="session")
def verilog_eval() -> Path:
    folder = _DATA / "verilog-eval" / "dataset_spec-to-rtl"
    if not folder.is_dir():
        _skip("no verilog-eval/dataset_spec-to-rtl under ../shared/data")
    return folder
