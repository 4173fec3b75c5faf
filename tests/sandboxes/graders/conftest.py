from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from envgym.sandboxes import Backend
from envgym.sandboxes.backends import open_backend
from tests.machine import need_programs


@pytest.fixture
async def backend() -> AsyncIterator[Backend]:
    """Graders know a backend by its interface; the suites test that all backends keep it."""
    async with open_backend("unsafe") as opened:
        yield opened


@pytest.fixture
def verilog_tools() -> None:
    need_programs("iverilog", "vvp", "yosys")
