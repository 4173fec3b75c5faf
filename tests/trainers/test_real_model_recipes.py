"""Recipes of real models, dry-run with random models of their shapes, cut to two layers."""

from __future__ import annotations

import re
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, Qwen2Config, Qwen3Config

from envgym.agents.tiny import save_model, train_tokenizer
from envgym.trainers.build import make_env, texts_of
from envgym.trainers.config import Config, PretrainedModel
from envgym.trainers.recipe import load_config, recipes
from envgym.trainers.running.dry_run import dry_run

GIB = 2**30
_QWEN = {"vocab_size": 151936, "max_position_embeddings": 32768, "tie_word_embeddings": True}
SHAPES: dict[str, Any] = {
    "qwen_0_5b": Qwen2Config(
        hidden_size=896,
        intermediate_size=4864,
        num_hidden_layers=24,
        num_attention_heads=14,
        num_key_value_heads=2,
        **_QWEN,
    ),
    "qwen_1_5b": Qwen2Config(
        hidden_size=1536,
        intermediate_size=8960,
        num_hidden_layers=28,
        num_attention_heads=12,
        num_key_value_heads=2,
        **_QWEN,
    ),
    "qwen3_4b": Qwen3Config(
        hidden_size=2560,
        intermediate_size=9728,
        num_hidden_layers=36,
        num_attention_heads=32,
        num_key_value_heads=8,
        head_dim=128,
        **(_QWEN | {"max_position_embeddings": 40960}),
    ),
}
NAMES = sorted(name for name in recipes() if name.startswith("qwen"))


def shape(name: str, **changes: Any) -> Any:
    """Config of the recipe's model."""
    whole = SHAPES[name.rpartition("_")[0]]
    kept = {key: value for key, value in whole.to_dict().items() if key != "layer_types"}
    return type(whole)(**kept | changes)


def saved_model(config: Config, name: str, folder: Path) -> Path:
    """Two layers of the recipe's model with random weights, and a small tokenizer."""
    env = make_env(config)
    tokenizer = train_tokenizer(islice(texts_of(env, config.chat.dialect), 400), 1024)
    cut = shape(name, num_hidden_layers=2, vocab_size=len(tokenizer))
    cut.eos_token_id, cut.pad_token_id = tokenizer.eos_token_id, tokenizer.pad_token_id
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        save_model(AutoModelForCausalLM.from_config(cut), tokenizer, folder / "model")
    return folder / "model"


def test_every_model_and_every_family_has_a_recipe() -> None:
    found = [load_config(name) for name in NAMES]
    assert {name.rpartition("_")[0] for name in NAMES} == set(SHAPES)
    assert {c.env.id.partition("/")[0] for c in found} == {"search", "code", "puzzles"}
    assert all(c.name == name for c, name in zip(found, NAMES, strict=True))


@pytest.mark.timeout(900)  # 200 million weights, on a machine with neighbours
@pytest.mark.parametrize("name", NAMES)
async def test_a_dry_run_of_two_layers(name: str, tmp_path: Path) -> None:
    """Two short turns and a group of two; all else is the recipe's."""
    path = saved_model(load_config(name), name, tmp_path)
    small = ["rollout.max_tokens_per_turn=4", "rollout.group_size=2", "env.max_turns=2"]
    config = load_config(name, [f"model.path={path}", f"output={tmp_path / 'run'}", *small])
    report = await dry_run(config)
    assert report.plan["episodes a step"].endswith("groups of 2)")
    longest = int(report.plan["longest row"].partition(" ")[0].replace(",", ""))
    assert 0 < longest <= config.rollout.max_context
    assert not any("sampler and learner differ" in text for text in report.warnings)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", NAMES)
def test_the_memory_that_a_recipe_states_is_that_of_the_shape(name: str) -> None:
    """Weights, those in training, and keys and values of full contexts.

    In training a parameter takes 16 bytes, in bfloat16 18: its float32 copy comes on top.
    """
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(shape(name))
    weights = sum(p.numel() for p in model.parameters())
    config, cut = load_config(name), model.config
    assert isinstance(config.model, PretrainedModel)
    head = getattr(cut, "head_dim", None) or cut.hidden_size // cut.num_attention_heads
    each, in_training = (2, 18) if config.model.dtype == "bfloat16" else (4, 16)
    column = 2 * cut.num_hidden_layers * cut.num_key_value_heads * head * each
    roll = config.rollout
    rows = min(roll.concurrency, roll.tasks_per_step * roll.group_size)
    cache = rows * (roll.max_context or 0) * column
    text = " ".join(recipes()[name].read_text().replace("\n# ", " ").split())
    stated = re.search(
        r"weights ([\d.]+) GiB,?(?: and)? ([\d.]+) GiB (?:with gradients|in training).*"
        r" keys and values ([\d.]+) GiB",
        text,
    )
    assert stated is not None
    found = (each * weights / GIB, in_training * weights / GIB, cache / GIB)
    assert [float(figure) for figure in stated.groups()] == pytest.approx(found, rel=0.03)
