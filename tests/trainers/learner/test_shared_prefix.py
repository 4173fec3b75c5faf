"""What rows share is computed once, and nothing else changes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import MistralConfig, MistralForCausalLM, Qwen2Config, Qwen2ForCausalLM

from envgym.trainers.learner.shared_prefix import hidden_states

SIZES = {
    "vocab_size": 50,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
}


def qwen() -> Any:
    torch.manual_seed(0)
    return Qwen2ForCausalLM(Qwen2Config(**SIZES))


def batch(shared: int, width: int = 40, rows: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows that share their first columns exactly; actions begin right there, or a little later."""
    ids = torch.randint(0, 49, (rows, width), generator=torch.Generator().manual_seed(1))
    ids[:, :shared] = ids[:1, :shared]
    ids[0, shared] = 49  # unlike the others
    action = torch.zeros(rows, width, dtype=torch.bool)
    action[:, shared::3] = True
    return ids, action


def positions_run(model: Any) -> list[int]:
    seen: list[int] = []
    model.get_input_embeddings().register_forward_hook(lambda *a: seen.append(a[1][0].numel()))
    return seen


@pytest.mark.parametrize("shared", [16, 30, 39])
def test_states_and_gradients_are_those_of_whole_rows(shared: int) -> None:
    model = qwen()
    ids, action = batch(shared)
    whole = model.base_model(input_ids=ids, use_cache=False).last_hidden_state
    states, skipped = hidden_states(model, ids, action)
    assert skipped == shared - 1
    assert torch.allclose(states, whole[:, skipped:], atol=1e-5)
    weight = torch.randn(whole.shape, generator=torch.Generator().manual_seed(2))
    weight[:, :skipped] = 0  # no action is predicted from there
    expected = torch.autograd.grad((whole * weight).sum(), list(model.base_model.parameters()))
    found = torch.autograd.grad(
        (states * weight[:, skipped:]).sum(), list(model.base_model.parameters())
    )
    for a, b in zip(expected, found, strict=True):
        assert torch.allclose(a, b, atol=1e-4 * max(a.abs().max().item(), 1.0))


def test_what_is_shared_runs_in_one_row() -> None:
    model = qwen()
    seen = positions_run(model)
    ids, action = batch(30)
    hidden_states(model, ids, action)
    assert seen == [30, 4 * 10]


@pytest.mark.parametrize("shared", [0, 5, 15])
def test_little_in_common_is_not_worth_it(shared: int) -> None:
    model = qwen()
    seen = positions_run(model)
    states, skipped = hidden_states(model, *batch(shared))
    assert (states.shape[1], skipped, seen) == (40, 0, [160])


def test_an_action_is_never_in_the_shared_part() -> None:
    ids, action = batch(30)
    action[2, 20] = True  # though its id is the others' too
    states, skipped = hidden_states(qwen(), ids, action)
    assert skipped == 19
    assert states.shape[1] == 21


def test_one_row_and_equal_rows_run_whole() -> None:
    ids, action = batch(30, rows=1)
    assert hidden_states(qwen(), ids, action)[1] == 0
    same = torch.ones(3, 40, dtype=torch.long)
    assert hidden_states(qwen(), same, torch.zeros(3, 40, dtype=torch.bool))[1] == 0


def test_a_model_that_keeps_something_else_runs_whole() -> None:
    torch.manual_seed(0)
    sliding = MistralForCausalLM(MistralConfig(**SIZES, sliding_window=8))
    assert hidden_states(sliding, *batch(30))[1] == 0
