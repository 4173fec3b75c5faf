"""An engine per test, closed at its end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import torch
from transformers import PreTrainedModel

from envgym.agents.local import Engine

torch.set_num_threads(1)

MakeEngine = Callable[..., Engine]


@pytest.fixture
async def make_engine() -> AsyncIterator[MakeEngine]:
    engines: list[Engine] = []

    def make(model: PreTrainedModel, **options: Any) -> Engine:
        engines.append(Engine(model, **options))
        return engines[-1]

    yield make
    for engine in engines:
        await engine.close()
