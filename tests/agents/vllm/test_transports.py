"""Ways of weights to a server: files, adapters, and vLLM's own transfer behind its interface."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import pytest
import torch
from safetensors.torch import load_file
from transformers import PreTrainedModel

from envgym.agents.vllm import WeightSyncError
from envgym.agents.vllm.learner_model import LearnerModel
from envgym.agents.vllm.transports import DiskTransport, LoraTransport, NativeTransport
from envgym.errors import UsageError
from tests.agents.vllm.conftest import MakeAgent, Weights, ask
from tests.agents.vllm.fake_server import DROP, FakeServer, refused

RELOAD = "/collective_rpc"


async def test_files_are_whole_before_a_server_reads_them(
    server: FakeServer, make_agent: MakeAgent, tmp_path: Path
) -> None:
    seen: list[str] = []

    def reload(body: dict[str, Any]) -> None:
        assert body["method"] == "reload_weights"
        folder = Path(body["kwargs"]["weights_path"])
        assert folder.is_absolute()
        assert (folder / "model.safetensors").read_text() == "weights"
        seen.append(folder.name)

    server.faults[RELOAD] = [reload] * 3
    agent = make_agent(transport=DiskTransport(Weights(), tmp_path / "new" / "weights"))
    await agent.start()
    await agent.update_weights()
    await agent.update_weights()
    assert seen == [f"version-{version:08d}" for version in range(3)]
    left = sorted(os.listdir(tmp_path / "new" / "weights"))
    assert left == ["version-00000002"], "a server that restarts finds the current version"


def test_a_checkpoint_has_a_tied_weight_under_each_name(
    model: PreTrainedModel, tmp_path: Path
) -> None:
    learner = LearnerModel(model)
    learner.save(tmp_path / "w")
    weights = load_file(tmp_path / "w" / "model.safetensors")
    assert weights.keys() == model.state_dict().keys()
    assert torch.equal(weights["lm_head.weight"], weights["model.embed_tokens.weight"])
    assert (tmp_path / "w" / "config.json").is_file()


def test_log_probs_of_the_learner(model: PreTrainedModel) -> None:
    ids = [9, 10, 11, 12, 13]
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0]
    for temperature, divisor in ((0.5, 0.5), (0.0, 1.0)):
        every = torch.log_softmax(logits / divisor, -1)
        expected = [every[2, 12].item(), every[3, 13].item()]
        assert LearnerModel(model).logprobs(ids, 2, temperature) == pytest.approx(expected)


async def test_an_adapter_has_a_name_for_each_version(
    server: FakeServer, make_agent: MakeAgent, tmp_path: Path
) -> None:
    agent = make_agent(transport=LoraTransport(Weights(), tmp_path))
    await agent.start()
    loaded: list[dict[str, Any]] = []
    unloaded: list[dict[str, Any]] = []
    server.faults["/v1/load_lora_adapter"] = [loaded.append]
    server.faults["/v1/unload_lora_adapter"] = [unloaded.append, 500]
    await agent.update_weights()
    assert loaded == [{"lora_name": "policy-v1", "lora_path": str(tmp_path / "policy-v1")}]
    assert unloaded == [{"lora_name": "policy-v0"}]
    assert os.listdir(tmp_path) == ["policy-v1"]
    assert "/pause?mode=wait&clear_cache=true" in server.calls, "requests keep their adapter"
    await agent.act(ask())
    assert server.turns[-1]["model"] == "policy-v1"
    await agent.update_weights()  # a former adapter that stays loaded harms nobody
    assert os.listdir(tmp_path) == ["policy-v2"]


async def test_an_adapter_that_cannot_be_loaded(
    server: FakeServer, make_agent: MakeAgent, tmp_path: Path
) -> None:
    agent = make_agent(transport=LoraTransport(Weights(), tmp_path))
    server.faults["/v1/load_lora_adapter"] = [refused(400, "no module q_proj9")]
    with pytest.raises(WeightSyncError, match="failed at transfer: HTTP 400: no module q_proj9"):
        await agent.start()
    assert server.paused


class VllmParts:
    """What of vLLM 0.32 the trainer's side calls, in fakes that keep a record."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.record: list[Any] = []
        self.error: Exception | None = None
        parts = self

        @dataclass
        class NCCLTrainerInitInfo:
            backend: ClassVar[str] = "nccl"
            master_address: str
            master_port: int
            world_size: int
            rank: int

        @dataclass
        class IPCTrainerInitInfo:
            backend: ClassVar[str] = "ipc"
            rank: int

        class Client:
            def __init__(self, base_url: str) -> None:
                self.base_url = base_url

            def init_weight_transfer_engine(self, init_info: dict[str, Any]) -> None:
                parts.record.append(("init", self.base_url))

            def start_weight_update(self) -> None:
                parts.record.append("start")

            def update_weights(self, update_info: Any) -> None:
                parts.record.append("update")

            def finish_weight_update(self, weight_version: str | None = None) -> None:
                parts.record.append(("finish", weight_version))

        class Engine:
            def __init__(self, client: Any) -> None:
                self.client = client

            def send_weights(self) -> None:
                if parts.error is not None:
                    raise parts.error
                self.client.start_weight_update()
                self.client.update_weights({})
                self.client.finish_weight_update()
                parts.record.append("sent")

            def shutdown(self) -> None:
                parts.record.append("shutdown")

        class WeightTransferTrainerFactory:
            @classmethod
            def trainer_init(cls, init_info: Any, *, client: Any, source: Any = None) -> Engine:
                parts.record.append((init_info, source))
                client.init_weight_transfer_engine({})
                return Engine(client)

        root = "vllm.distributed.weight_transfer"
        modules: dict[str, dict[str, Any]] = {
            "vllm": {},
            "vllm.distributed": {},
            root: {},
            f"{root}.factory": {"WeightTransferTrainerFactory": WeightTransferTrainerFactory},
            f"{root}.clients": {"HTTPVLLMWeightSyncClient": Client},
            f"{root}.base": {"ModuleSource": lambda module: ("source", module)},
            f"{root}.nccl_engine": {"NCCLTrainerInitInfo": NCCLTrainerInitInfo},
            f"{root}.ipc_engine": {"IPCTrainerInitInfo": IPCTrainerInitInfo},
        }
        for name, contents in modules.items():
            module = ModuleType(name)
            module.__dict__.update(contents)
            monkeypatch.setitem(sys.modules, name, module)


async def test_nccl_through_vllms_own_classes(
    server: FakeServer, make_agent: MakeAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts, weights = VllmParts(monkeypatch), Weights()
    transport = NativeTransport(weights, "nccl", master_address="10.0.0.1", master_port=7000)
    agent = make_agent(transport=transport)
    server.faults["/get_world_size"] = [{"world_size": 2}] * 2
    await agent.start()
    (info, source), *rest = parts.record
    assert (info.master_address, info.master_port, info.world_size, info.rank) == (
        *("10.0.0.1", 7000),
        *(3, 0),
    )
    assert source == ("source", weights.module)
    update = ["start", "update", "sent", ("finish", None)]
    assert rest == [("init", server.url), *update]
    parts.record.clear()
    await agent.update_weights()
    assert parts.record == update, "servers are met once"
    parts.record.clear()
    server.faults["/reset_prefix_cache"] = [DROP]
    await agent.update_weights()
    assert parts.record[4] == "shutdown", "a server that may have restarted is met anew"
    assert parts.record[5][0].master_port == 7000


async def test_ipc_needs_no_meeting_point(
    server: FakeServer, make_agent: MakeAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = VllmParts(monkeypatch)
    await make_agent(transport=NativeTransport(Weights(), "ipc")).start()
    assert parts.record[0][0].backend == "ipc"


async def test_a_transfer_that_fails(
    server: FakeServer, make_agent: MakeAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = VllmParts(monkeypatch)
    agent = make_agent(transport=NativeTransport(Weights(), "ipc"))
    await agent.start()
    parts.error = RuntimeError("NCCL error: unhandled system error")
    with pytest.raises(WeightSyncError, match=r"failed at transfer: ipc to 127.* RuntimeError: NC"):
        await agent.update_weights()
    assert server.paused
    parts.error = None
    await agent.update_weights()
    assert (await agent.act(ask())).ids


def test_without_vllm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vllm", None)
    with pytest.raises(UsageError, match="install vllm there, or take transport disk"):
        NativeTransport(Weights(), "nccl")
