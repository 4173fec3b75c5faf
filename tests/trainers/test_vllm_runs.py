"""Whole small runs whose policy samples from a server, and settings that do not go together."""

from __future__ import annotations

from pathlib import Path

import pytest

from envgym.agents.serve_model import ServedModel
from envgym.agents.vllm import VllmAgent
from envgym.errors import UsageError
from envgym.store.episodes import read_episodes
from envgym.trainers.agents.adapted_weights import AdapterWeights
from envgym.trainers.build import build_parts
from envgym.trainers.config import Config
from envgym.trainers.loop import Trainer
from envgym.trainers.run import train
from tests.agents.serve_model.conftest import serving
from tests.trainers.test_run import config, metrics

NO_COPYING = "model.copying.steps=0"
ADAPTED = ("model.lora={rank: 2}", NO_COPYING)


def through(url: str, folder: Path) -> list[str]:
    fields = {"name": "vllm", "urls": [url], "weights_dir": str(folder / "w")}
    return [f"agent={fields!r}", "rollout.deterministic=false"]


async def served_like(plain: Config) -> ServedModel:
    """A server with a model of the run's shape and tokenizer."""
    parts = build_parts(plain)
    await parts.env.close()
    await parts.rollout.close()
    for agent in parts.agents:
        await agent.close()
    return ServedModel(parts.model, parts.chat, "toy", max_rows=16)


async def test_a_run_through_a_server(tmp_path: Path) -> None:
    served = await served_like(config(tmp_path, "shape"))
    async with serving(served) as url:
        summary = await train(config(tmp_path, "a", *through(url, tmp_path)))
    assert set(summary["eval"]) == {"untrained", "warm_start", "trained"}
    rows = metrics(tmp_path / "a")
    assert [row["step"] for row in rows] == [1, 2, 3]
    assert rows[0]["learn/logp_gap"] < 1e-4, "the server samples as the learner scores"
    assert all(row["vllm/update_s"] > 0 for row in rows)
    played = list(read_episodes(tmp_path / "a" / "episodes" / "train"))
    assert {v for e in played for t in e.turns for v in t.versions} == {2}, "after the warm start"
    trained = list(read_episodes(tmp_path / "a" / "episodes" / "trained"))
    assert {v for e in trained for t in e.turns for v in t.versions} == {5}
    assert [path.name for path in (tmp_path / "w").iterdir()] == ["version-00000005"]


async def test_a_server_that_is_not_there_ends_the_run_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no server http://127.0.0.1:9 "):
        await train(config(tmp_path, "a", *through("http://127.0.0.1:9", tmp_path)))
    assert not (tmp_path / "a" / "metrics.jsonl").exists()


async def test_a_server_with_another_tokenizer(tmp_path: Path) -> None:
    served = await served_like(config(tmp_path, "shape", "model.vocab_size=350"))
    trainer = None
    async with serving(served) as url:
        trainer = Trainer(config(tmp_path, "a", *through(url, tmp_path)))
        with pytest.raises(UsageError, match="another tokenizer than the learner"):
            await trainer.start()
        await trainer.close()


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["agent={name: vllm, urls: []}"], r"agent\.urls"),
        (["agent={name: vllm, urls: [x]}"], "transport disk needs weights_dir"),
        (
            ["agent={name: vllm, urls: [x], transport: none}"],
            "transport none updates no weights, and the policy learns",
        ),
        (
            ["agent={name: vllm, urls: [x], weights_dir: w}"],
            r"rollout\.deterministic holds back the local engine",
        ),
        (
            ["judges={a: {name: vllm, urls: [x], weights_dir: w}}"],
            r"judges\.a 'vllm': transport disk would put the policy's weights on these servers",
        ),
        (
            ["seats={b: {agent: {name: vllm, urls: [x], weights_dir: w}}}"],
            r"seats\.b\.agent 'vllm': transport disk would put",
        ),
    ],
)
def test_settings_that_do_not_go_together(
    tmp_path: Path, overrides: list[str], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        config(tmp_path, "a", *overrides)


@pytest.mark.parametrize(
    ("transport", "lora", "message"),
    [
        ("lora", "null", "lora sends an adapter, and the model has none: set model.lora"),
        ("nccl", "{rank: 2}", "nccl sends parameters as they are, and model.lora keeps"),
    ],
)
def test_adapters_and_transports(tmp_path: Path, transport: str, lora: str, message: str) -> None:
    agent = f"agent={{name: vllm, urls: ['http://x'], transport: {transport}, weights_dir: w}}"
    overrides = (agent, "rollout.deterministic=false", f"model.lora={lora}", NO_COPYING)
    with pytest.raises(UsageError, match=message):
        Trainer(config(tmp_path, "a", *overrides))


async def test_a_run_with_an_adapter(tmp_path: Path) -> None:
    """A server that knows nothing of adapters gets the merged weights."""
    served = await served_like(config(tmp_path, "shape"))
    async with serving(served) as url:
        await train(config(tmp_path, "a", *through(url, tmp_path), *ADAPTED))
    rows = metrics(tmp_path / "a")
    assert [row["step"] for row in rows] == [1, 2, 3]
    assert all(row["vllm/update_s"] > 0 for row in rows), "each update passed its check"


async def test_an_adapter_apart(tmp_path: Path) -> None:
    parts = build_parts(config(tmp_path, "a", *ADAPTED))
    AdapterWeights(parts.model).save(tmp_path / "adapter")
    assert {path.name for path in (tmp_path / "adapter").iterdir()} == {
        *("adapter_config.json", "adapter_model.safetensors")
    }
    await parts.env.close()
    await parts.agent.close()


async def test_a_judge_leaves_its_server_alone(tmp_path: Path) -> None:
    judge = "judges={a: {name: vllm, urls: ['http://127.0.0.1:9'], transport: none}}"
    trainer = Trainer(config(tmp_path, "a", judge))
    agent = trainer._parts.judges["a"]
    assert isinstance(agent, VllmAgent)
    with pytest.raises(UsageError, match="has no transport"):
        await agent.update_weights()
    await trainer.close()
