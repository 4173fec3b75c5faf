"""What a test needs of the machine: a skip that names it, a failure where all is required."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

REQUIRED = os.environ.get("ENVGYM_REQUIRE_ALL") == "1"
_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def need(there: object, what: str) -> None:
    """Skip unless it is there; fail where ENVGYM_REQUIRE_ALL=1."""
    if there:
        return
    if REQUIRED:
        pytest.fail(f"{what}, or unset ENVGYM_REQUIRE_ALL to skip")
    pytest.skip(what)


def need_programs(*names: str) -> None:
    """Skip, or fail, unless all of them are installed."""
    missing = [name for name in names if shutil.which(name) is None]
    need(not missing, f"not installed: {', '.join(missing)}")


def data_file(name: str) -> Path:
    """A file or folder of ../shared/data."""
    path = _DATA / name
    need(path.exists(), f"no {name} under ../shared/data: put it there")
    return path
