from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator

import pytest

from envgym.sandboxes import Backend
from envgym.sandboxes.backends import open_backend


@pytest.fixture
async def backend() -> AsyncIterator[Backend]:
    """Graders know a backend by its interface; the suites test that all backends keep it."""
    async with open_backend("unsafe") as opened:
        yield opened


@pytest.fixture
def verilog_tools() -> None:
    missing = [name for name in ("iverilog", "vvp", "yosys") if shutil.which(name) is None]
    if missing and os.environ.get("ENVGYM_REQUIRE_ALL"):
        pytest.fail(f"not installed: {', '.join(missing)}")
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
