from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from envgym.sandboxes import open_backend
from envgym.sandboxes.base import Sandbox


@pytest.fixture
async def box() -> AsyncIterator[Sandbox]:
    async with open_backend("unsafe") as backend, await backend.open() as box:
        yield box
