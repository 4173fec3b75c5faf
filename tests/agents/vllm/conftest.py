from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import PreTrainedModel

from envgym.agent import Context
from envgym.agents.tiny import TinyConfig, build_model, train_tokenizer
from envgym.agents.vllm import VllmAgent
from envgym.agents.vllm.inference_server import InferenceServer
from envgym.agents.vllm.transports import Transport
from envgym.chat.renderer import Chat
from envgym.messages import user
from tests.agents.vllm.fake_server import FakeServer, running

torch.set_num_threads(1)


class Weights:
    """A learner whose log-probs are all the same."""

    def __init__(self, logprob: float = -1.0) -> None:
        self.logprob = logprob
        self.module = torch.nn.Linear(2, 2)

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        (folder / "model.safetensors").write_text("weights")

    def logprobs(self, ids: Sequence[int], sampled: int, temperature: float) -> list[float]:
        return [self.logprob] * sampled


class Spoken(Transport):
    """A transport of which servers hear one request."""

    def __init__(self) -> None:
        self.staged: list[int] = []
        self.forgotten: list[str] = []

    async def stage(self, version: int) -> None:
        self.staged.append(version)

    async def send(self, server: InferenceServer) -> None:
        await server.post("/send")

    def forget(self, server: InferenceServer) -> None:
        self.forgotten.append(server.url)


@pytest.fixture(scope="session")
def tokenizer() -> Any:
    return train_tokenizer(["look <search> here </search> ok"] * 3, 320)


@pytest.fixture(scope="session")
def model(tokenizer: Any) -> PreTrainedModel:
    config = TinyConfig(hidden=32, intermediate=48, heads=2, kv_heads=1, context=1024)
    return build_model(config, tokenizer, seed=0).eval()


@pytest.fixture
def chat(tokenizer: Any) -> Chat:
    return Chat(tokenizer, "tags")


@pytest.fixture
async def server(tokenizer: Any) -> AsyncIterator[FakeServer]:
    async with running(FakeServer(tokenizer)) as server:
        yield server


MakeAgent = Callable[..., VllmAgent]


@pytest.fixture
async def make_agent(chat: Chat, server: FakeServer) -> AsyncIterator[MakeAgent]:
    agents: list[VllmAgent] = []

    def make(urls: Sequence[str] = (), **settings: Any) -> VllmAgent:
        settings = {"recovery_s": 2.0, "retries": 2, "timeout": 5.0} | settings
        agents.append(VllmAgent(urls or [server.url], chat, **settings))
        return agents[-1]

    yield make
    for agent in agents:
        await agent.close()


def ask(session: str = "e/agent", group: str = "", ids: Sequence[int] = (9, 10, 11)) -> Context:
    return Context(session, [user("hi")], (), ids, group, seed=7)
