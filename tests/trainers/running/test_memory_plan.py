"""Memory plan: counts by hand, activations as measured, and what to change."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from envgym.errors import UsageError
from envgym.trainers.learner.model.language_model import LanguageModel
from envgym.trainers.loop import Trainer
from envgym.trainers.recipe import load_config
from envgym.trainers.running.memory_plan import MemoryPlan, activation_bytes, memory_plan, size
from envgym.trainers.running.peak_memory import available_bytes
from tests.trainers.learner.test_packing import gpt2, qwen

SHAPE = "model={kind: tiny, vocab_size: 300, hidden: 32, heads: 2, kv_heads: 1, intermediate: 48}"


async def planned(tmp_path: Path, *overrides: str, longest: int = 100) -> tuple[MemoryPlan, Any]:
    config = load_config("strings", [f"output={tmp_path}", SHAPE, *overrides])
    trainer = Trainer(config)
    try:
        return memory_plan(config, trainer, longest), trainer
    finally:
        await trainer.close()


async def test_counts_by_hand(tmp_path: Path) -> None:
    roll = "rollout={tasks_per_step: 2, group_size: 4, max_tokens_per_turn: 20}"
    plan, trainer = await planned(tmp_path, roll, "losses=[clip, kl]")
    count = sum(p.numel() for p in trainer.model.parameters())
    assert plan.always == {
        "weights": 4 * count,
        "float32 copies of the weights": 0,
        "optimiser": 8 * count,
        "reference": 4 * count,
    }
    # 2 layers, one key-value head of 16 numbers, keys and values of 4 bytes, 8 rows of 100
    assert plan.sampling == {"keys and values": 2 * 16 * 2 * 4 * 8 * 100}
    assert plan.learning["gradients"] == 4 * count
    assert plan.learning["activations"] == 800 * activation_bytes(trainer.policy.lm)
    assert plan.peak == sum(plan.always.values()) + sum(plan.learning.values())


async def test_an_adapter_leaves_out_gradients_and_moments_of_the_base(tmp_path: Path) -> None:
    lora = ["model.copying={steps: 0}", "model.lora={rank: 2}"]
    plan, trainer = await planned(tmp_path, *lora)
    trained = sum(p.numel() for p in trainer.model.parameters() if p.requires_grad)
    assert plan.always["optimiser"] == 8 * trained
    assert plan.learning["gradients"] == 4 * trained
    assert plan.always["weights"] > plan.always["optimiser"]


@pytest.mark.parametrize("make", [qwen, gpt2])
def test_checkpointing_shrinks_what_is_planned_for_activations(make: Any) -> None:
    model = make()
    plain, again = (
        activation_bytes(LanguageModel(model, checkpointing=checkpointing))
        for checkpointing in (False, True)
    )
    layers = model.config.get_text_config().num_hidden_layers
    assert plain / layers < again < plain


def plan_of(optimiser: int, activations: int) -> MemoryPlan:
    return MemoryPlan(
        {"weights": 2**30, "optimiser": optimiser},
        {"keys and values": 2**20},
        {"gradients": 2**20, "activations": activations},
    )


def test_what_does_not_fit_is_said_with_what_to_change() -> None:
    plan = plan_of(2**20, 2**33)
    assert plan.shortage(2**34) is None
    said = plan.shortage(2**32)
    assert said is not None
    assert "8.0 GiB more than the loaded models, and 4.0 GiB are free" in said
    assert "activations: set learner.checkpointing" in said
    with pytest.raises(UsageError, match=r"too little memory.*optimiser: train an adapter"):
        plan_of(2**33, 1).shortage(2**32)


def test_sizes_are_readable() -> None:
    assert (size(3 * 2**29), size(2**19)) == ("1.5 GiB", "0.5 MiB")


def test_the_memory_that_a_run_takes_is_measured() -> None:
    """In a process of its own: what others held before would hide it."""
    script = (
        "import torch; from envgym.trainers.running.peak_memory import *;"
        "memory = PeakMemory(torch.device('cpu')); block = torch.ones(2**26); del block;"
        "print(memory.used())"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert 0.95 * 2**28 < int(told.stdout) < 1.2 * 2**28
    assert available_bytes(torch.device("cpu")) > 2**20
