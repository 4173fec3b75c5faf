from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from envgym.agents import OpenAIAgent
from tests.agents.openai.endpoint import Server, running


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    async with running(server.handle) as address:
        server.url = f"{address}/v1"
        yield server


@pytest.fixture
async def agent(server: Server, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[OpenAIAgent]:
    monkeypatch.setenv("TEST_KEY", "sesame")
    agent = OpenAIAgent(
        server.url, "toy", api_key_env="TEST_KEY", backoff=0.001, retries=3, concurrency=4
    )
    yield agent
    await agent.close()
