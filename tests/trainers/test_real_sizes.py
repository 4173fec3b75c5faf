"""Runs with an adapter, in bfloat16, with checkpointed layers: they learn, resume and export."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from envgym.agents.tiny import BASE, load_model
from envgym.errors import UsageError
from envgym.trainers.loop import Trainer
from envgym.trainers.run import train
from tests.trainers.learner.test_critic import OVERLONG
from tests.trainers.test_run import config, metrics, weights

SHORT = ("evaluation.tasks=0", "hooks=[]", OVERLONG, "learner.max_idle_steps=9")
KINDS = {
    "adapter": ("model={kind: pretrained, lora: {rank: 4}}",),
    "bfloat16": ("model={kind: pretrained, dtype: bfloat16}", "learner.checkpointing=true"),
    "all of it": (
        "model={kind: pretrained, dtype: bfloat16, lora: {rank: 4}}",
        "learner.checkpointing=true",
        "critic={kind: model}",
        "advantage=gae",
        "learner.packing=false",
    ),
}


@pytest.mark.parametrize("kind", KINDS)
async def test_a_cut_run_goes_on_to_the_bit(tmp_path: Path, kind: str) -> None:
    options = (*SHORT, *KINDS[kind])
    await train(config(tmp_path, "whole", *options))
    running = asyncio.create_task(train(config(tmp_path, "cut", *options)))
    while not list((tmp_path / "cut").glob("checkpoints/step-00000[12]")):
        await asyncio.sleep(0.01)
        assert not running.done()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await train(config(tmp_path, "cut", *options), resume=True)
    assert metrics(tmp_path / "cut") == metrics(tmp_path / "whole")
    one, two = weights(tmp_path / "cut"), weights(tmp_path / "whole")
    assert all(torch.equal(one[name], two[name]) for name in two)


async def test_an_adapted_run_keeps_and_writes_what_it_trained(tmp_path: Path) -> None:
    summary = await train(config(tmp_path, "a", *SHORT, *KINDS["adapter"]))
    folder = tmp_path / "a"
    kept = load_file(folder / "checkpoints/step-000003/model.safetensors")
    assert kept
    assert all("lora_" in name for name in kept)
    assert json.loads((folder / "adapter/adapter_config.json").read_text())["r"] == 4
    merged, _ = load_model(folder / "model")
    base, _ = load_model(BASE)
    changed = [
        not torch.equal(merged.state_dict()[name], weight)
        for name, weight in base.state_dict().items()
    ]
    assert any(changed)
    assert not all(changed)  # norms and embeddings are the base's
    assert summary["memory_bytes"]["planned"] > 0


async def test_before_the_first_update_an_adapted_sampler_and_learner_agree(tmp_path: Path) -> None:
    trainer = Trainer(config(tmp_path, "a", *SHORT, *KINDS["adapter"]))
    try:
        await trainer.warm_start()
        told, _ = await trainer.step()
    finally:
        await trainer.close()
    assert told["learn/sampler_gap"] < 1e-5
    assert told["learn/kl"] == pytest.approx(0.0, abs=1e-6)  # the reference has the adapter too


def test_copying_and_an_adapter_are_refused_together(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"model\.copying trains all.*model\.copying\.steps to 0"):
        config(tmp_path, "a", "model.lora={rank: 4}")
