"""Activation checkpointing: the same gradients, a fraction of the memory, packed and padded."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel, Qwen2Config, Qwen2ForCausalLM

from envgym.errors import UsageError
from envgym.trainers.learner.model.checkpointing import checkpointed_layers
from envgym.trainers.learner.model.language_model import LanguageModel, states_of
from envgym.trainers.learner.policy import Policy
from envgym.trainers.losses import Clip
from tests.trainers.learner.test_packing import batch, compiled, gpt2, qwen
from tests.trainers.learner.test_shared_prefix import SIZES


@pytest.mark.parametrize("packing", [True, False])
@pytest.mark.parametrize("make", [qwen, gpt2])
def test_gradients_are_the_same(make: Any, packing: bool) -> None:
    rows = compiled(batch(Random(1)))
    found = []
    for checkpointing in (False, True):
        model = make()
        lm = LanguageModel(model, packing=packing, checkpointing=checkpointing, micro_tokens=120)
        loss = Policy(lm, lr=0.0, grad_clip=1e9).update(rows, [Clip()])["loss"]
        found.append((loss, torch.cat([p.grad.flatten() for p in model.parameters()])))
    (one, wanted), (two, given) = found
    assert two == pytest.approx(one, abs=1e-12)
    assert wanted.abs().max() > 1e-3
    torch.testing.assert_close(given, wanted, atol=1e-6, rtol=0)


def saved_bytes(lm: LanguageModel, rows: Any) -> int:
    """Bytes that the layers keep for the backward pass, each memory once, without the weights."""
    known = {p.data_ptr() for p in lm.parameters()}
    kept: dict[int, int] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in known:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        alive = lm(rows, states_of)
    assert alive.requires_grad
    return sum(kept.values())


def test_layers_keep_their_inputs_alone_and_packing_stays() -> None:
    """In the shape of a real model: 12 layers, a gated MLP of 4.9 widths, grouped keys."""
    torch.manual_seed(0)
    wide = {"hidden_size": 128, "intermediate_size": 624, "num_key_value_heads": 1}
    model = Qwen2ForCausalLM(Qwen2Config(**SIZES | wide | {"num_hidden_layers": 12}))
    rows = compiled(batch(Random(2), count=20))
    kept = {}
    for checkpointing in (False, True):
        lm = LanguageModel(model, checkpointing=checkpointing)
        [part] = lm.micro_batches(rows)
        assert part.layout is not None
        kept[checkpointing] = saved_bytes(lm, part)
    assert kept[True] <= 0.15 * kept[False]


def test_nothing_of_it_stays_in_the_model() -> None:
    model = qwen().eval()
    lm = LanguageModel(model, checkpointing=True)
    Policy(lm, lr=0.0).update(compiled(batch(Random(3))), [Clip()])
    assert not any(m.training for m in model.modules())
    assert not any(getattr(m, "gradient_checkpointing", False) for m in model.modules())
    assert model.config._attn_implementation == "sdpa"
    ids = torch.ones(1, 4, dtype=torch.long)
    assert model(input_ids=ids, use_cache=True).past_key_values is not None


def test_dropout_inside_the_layers_stays_off() -> None:
    config = GPT2Config(
        n_embd=16, n_layer=2, n_head=2, n_positions=64, vocab_size=50, resid_pdrop=0.9
    )
    model = GPT2LMHeadModel(config).eval()
    ids = torch.ones(1, 8, dtype=torch.long)
    wanted = model(input_ids=ids).logits
    with checkpointed_layers(model):
        torch.testing.assert_close(model(input_ids=ids, use_cache=False).logits, wanted)


def test_a_model_without_layers_to_checkpoint_is_named() -> None:
    with (
        pytest.raises(UsageError, match=r"learner\.checkpointing: Linear has no layers"),
        checkpointed_layers(torch.nn.Linear(1, 1)),
    ):
        raise AssertionError("not reached")
