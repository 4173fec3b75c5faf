"""Low-rank adapters: gradients by the book, sampling, merging, and what is refused."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch
from torch.nn import functional as F
from transformers import AutoModelForCausalLM, PreTrainedModel

from envgym.agents.local.engine import Engine
from envgym.agents.local.sampling import SamplingParams
from envgym.errors import UsageError
from envgym.trainers.learner.model.adapter import add_adapter, is_adapted, save_adapter, save_merged
from envgym.trainers.learner.model.language_model import LanguageModel
from envgym.trainers.learner.model.reference import Reference
from envgym.trainers.learner.policy import Policy, action_logps
from envgym.trainers.learner.rescoring import Scorer
from envgym.trainers.losses import Clip
from envgym.trainers.model_section import LoraSection
from tests.agents.local import models
from tests.trainers.learner.test_packing import batch, compiled, qwen

peft = pytest.importorskip("peft")


def adapted(make: Any = qwen, **settings: Any) -> PreTrainedModel:
    """A model with an adapter that changes something."""
    model = make()
    add_adapter(model, LoraSection(**{"rank": 4, "alpha": 8} | settings), 0)
    generator = torch.Generator().manual_seed(1)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.data.copy_(0.3 * noise)
    return model


def test_it_begins_without_a_change_and_the_base_is_frozen() -> None:
    model, plain = qwen(), qwen()
    add_adapter(model, LoraSection(rank=4), 0)
    rows = compiled(batch(Random(0)))
    assert torch.equal(action_logps(model, rows, 1.0), action_logps(plain, rows, 1.0))
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    assert trained == {name for name, _ in model.named_parameters() if "lora_" in name}
    assert len(trained) == 2 * 7 * model.config.num_hidden_layers


def test_the_same_seed_gives_the_same_adapter_and_no_other_generator_moves() -> None:
    before = torch.random.get_rng_state()
    one, two, three = qwen(), qwen(), qwen()
    torch.random.set_rng_state(before)
    add_adapter(one, LoraSection(rank=4), 0)
    assert torch.equal(torch.random.get_rng_state(), before)
    add_adapter(two, LoraSection(rank=4), 0)
    add_adapter(three, LoraSection(rank=4), 1)
    a, b, c = (m.model.layers[0].mlp.up_proj.lora_A["default"].weight for m in (one, two, three))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


def plain_with_changes(model: PreTrainedModel) -> tuple[PreTrainedModel, dict[str, torch.Tensor]]:
    """A plain model whose weights are W + (alpha / rank) B A, and the leaves A and B."""
    plain = qwen()
    leaves: dict[str, torch.Tensor] = {}
    for name, layer in model.named_modules():
        if not hasattr(layer, "lora_A"):
            continue
        low, high = layer.lora_A["default"].weight, layer.lora_B["default"].weight
        a, b = (w.detach().clone().requires_grad_() for w in (low, high))
        leaves[f"{name}.lora_A.default.weight"] = a
        leaves[f"{name}.lora_B.default.weight"] = b
        own = plain.get_submodule(name)
        weight = layer.base_layer.weight.detach() + 2.0 * b @ a
        del own.weight
        own.weight = weight
    return plain, leaves


@pytest.mark.parametrize("packing", [True, False])
def test_gradients_are_those_of_plain_autograd(packing: bool) -> None:
    model = adapted()
    rows = compiled(batch(Random(4)))
    policy = Policy(LanguageModel(model, packing=packing, micro_tokens=60), lr=0.0, grad_clip=1e9)
    policy.update(rows, [Clip(low=0.9, high=9.0)])
    plain, leaves = plain_with_changes(model)
    total = torch.zeros((), dtype=torch.float64)
    for row in rows:
        mask = torch.from_numpy(row.row.mask[1:])
        ids = torch.from_numpy(row.row.ids)
        logp = F.log_softmax(plain(input_ids=ids[None]).logits[0, :-1], -1)
        mine = logp.gather(1, ids[1:, None])[:, 0][mask]
        old, advantage, weight = (
            torch.from_numpy(v[row.row.mask]) for v in (row.row.logprobs, row.advantage, row.weight)
        )
        ratio = (mine - old).clamp(-20, 20).exp()
        worst = torch.minimum(ratio * advantage, ratio.clamp(0.1, 10.0) * advantage)
        total = total - (worst * weight).sum()
    total.backward()
    for name, leaf in leaves.items():
        found = model.get_parameter(name).grad
        assert leaf.grad is not None
        assert leaf.grad.abs().max() > 1e-6
        torch.testing.assert_close(found, leaf.grad, rtol=1e-5, atol=1e-7)
    assert all(p.grad is None for n, p in model.named_parameters() if "lora_" not in n)


def test_the_reference_is_the_base_and_copies_the_adapter_alone() -> None:
    model = qwen()
    add_adapter(model, LoraSection(rank=4), 0)
    policy = Policy(model, lr=0.05)
    scorer = Scorer(policy, Reference(policy.lm))
    samples = batch(Random(5))
    rows = compiled(samples)
    for _ in range(3):
        policy.update(rows, [Clip(low=0.9, high=9.0)])
    scorer.add(["ref_logp", "prox_logp"], samples)
    base = action_logps(qwen(), rows, 1.0)
    assert scorer.reference is not None
    assert all("lora_" in name for name in scorer.reference.weights)
    told = torch.cat([torch.from_numpy(r.column("ref_logp")[r.row.mask]) for r in rows])
    now = torch.cat([torch.from_numpy(r.column("prox_logp")[r.row.mask]) for r in rows])
    torch.testing.assert_close(told, base.float().detach(), atol=1e-6, rtol=0)
    assert (now - told).abs().max() > 1e-3


def test_a_merged_export_is_the_adapted_model(tmp_path: Path) -> None:
    model = adapted()
    save_merged(model, tmp_path)
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float64)
    assert not is_adapted(loaded)
    rows = compiled(batch(Random(6)))
    torch.testing.assert_close(
        action_logps(loaded, rows, 1.0), action_logps(model, rows, 1.0), atol=1e-5, rtol=0
    )


def test_a_saved_adapter_is_read_by_peft(tmp_path: Path) -> None:
    model = adapted()
    save_adapter(model, tmp_path)
    loaded = peft.PeftModel.from_pretrained(qwen(), tmp_path, autocast_adapter_dtype=False)
    rows = compiled(batch(Random(7)))
    torch.testing.assert_close(
        action_logps(loaded.get_base_model(), rows, 1.0),
        action_logps(model, rows, 1.0),
        atol=1e-6,
        rtol=0,
    )


@pytest.mark.parametrize(("targets", "runner"), [("all-linear", "llama"), (["q_proj"], "llama")])
async def test_the_engine_samples_from_the_adapted_model(targets: Any, runner: str) -> None:
    model = adapted(lambda: models.build("qwen2"), targets=targets)
    engine = Engine(model)
    assert engine.runner_name == runner
    params = SamplingParams(max_tokens=12, temperature=0.0)
    try:
        prompts = [models.prompt(20, seed=n) for n in range(4)]
        told = await asyncio.gather(
            *(engine.generate(f"{n}", ids, params) for n, ids in enumerate(prompts))
        )
    finally:
        await engine.close()
    for ids, out in zip(prompts, told, strict=True):
        assert out.ids == models.generated(model, ids, 12)
        torch.testing.assert_close(
            torch.tensor(out.logprobs), models.logprobs(model, ids, out.ids), atol=1e-4, rtol=0
        )


def test_a_layer_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(UsageError, match=r"no linear layer 'qkv_proj'; it has down_proj, gate"):
        add_adapter(qwen(), LoraSection(targets=["q_proj", "qkv_proj"]), 0)
