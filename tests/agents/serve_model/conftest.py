from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
import torch
from aiohttp import web
from transformers import PreTrainedModel

from envgym.agents.serve_model import ModelServer, ServedModel
from envgym.agents.tiny import TinyConfig, build_model, train_tokenizer
from envgym.chat.renderer import Chat

torch.set_num_threads(1)

Ask = Callable[..., Awaitable[tuple[int, Any]]]


@pytest.fixture(scope="session")
def tokenizer() -> Any:
    return train_tokenizer(["look <search> here </search> ok"] * 3, 320)


@pytest.fixture
def model(tokenizer: Any) -> PreTrainedModel:
    config = TinyConfig(hidden=32, intermediate=48, heads=2, kv_heads=1, context=512)
    model = build_model(config, tokenizer, seed=0).eval()
    model.generation_config.eos_token_id = None  # lengths are the requests'
    return model


@asynccontextmanager
async def serving(served: ServedModel, token: str | None = None) -> AsyncIterator[str]:
    app = ModelServer(served, token).app()
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture
def served(model: PreTrainedModel, tokenizer: Any) -> ServedModel:
    return ServedModel(model, Chat(tokenizer, "hermes"), "toy", max_rows=8)


@pytest.fixture
async def address(served: ServedModel) -> AsyncIterator[str]:
    async with serving(served) as address:
        yield address


@pytest.fixture
async def ask(address: str) -> AsyncIterator[Ask]:
    async with aiohttp.ClientSession() as session:

        async def ask(path: str, body: Any = None, method: str = "POST") -> tuple[int, Any]:
            async with session.request(method, address + path, json=body) as response:
                text = await response.text()
                return response.status, await response.json() if text else None

        yield ask
