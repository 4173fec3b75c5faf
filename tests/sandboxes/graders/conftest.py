from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from envgym.sandboxes import Backend
from envgym.sandboxes.backends.registry import open_backend
from envgym.sandboxes.graders.verilog import ToolSession
from envgym.sandboxes.graders.verilog.judge import LIMITS
from tests.machine import need_programs


@pytest.fixture
async def backend() -> AsyncIterator[Backend]:
    """Graders know a backend by its interface; the suites test that all backends keep it."""
    async with open_backend("unsafe") as opened:
        yield opened


@pytest.fixture
def verilog_tools() -> None:
    need_programs("iverilog", "vvp", "yosys")


@pytest.fixture
async def tools(backend: Backend) -> AsyncIterator[ToolSession]:
    async with ToolSession(backend, LIMITS) as opened:
        yield opened
