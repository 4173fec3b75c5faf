from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from envgym.sandboxes.limits import MIB, Limits
from envgym.sandboxes.service.config import ServiceConfig
from tests.sandboxes.service.client import Client, service

CONFIG = ServiceConfig(
    ceiling=Limits(wall_s=60, cpu_s=60, memory_bytes=1 << 30),
    body_bytes=4 * MIB,
    linger_s=0.3,
    stop_s=0.2,
    sessions=2,
)


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    async with service(tmp_path, config=CONFIG) as client:
        yield client
