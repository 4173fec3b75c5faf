"""Training in bfloat16: the optimiser moves float32 copies, and nothing stagnates."""

from __future__ import annotations

import copy
from random import Random
from typing import Any

import pytest
import torch
from transformers import PreTrainedModel, Qwen3Config, Qwen3ForCausalLM

from envgym.trainers.learner.model.language_model import LanguageModel
from envgym.trainers.learner.model.master_weights import MasterWeights
from envgym.trainers.learner.policy import Policy, action_logps
from envgym.trainers.learner.rows import TrainRow
from envgym.trainers.losses import Clip
from tests.trainers.learner.test_packing import batch, compiled

SIZES = {
    "vocab_size": 64,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
}


def qwen(dtype: torch.dtype) -> PreTrainedModel:
    torch.manual_seed(0)
    return Qwen3ForCausalLM(Qwen3Config(**SIZES)).to(dtype)


def rows_of() -> list[TrainRow]:
    """Rows with advantages of both signs; who sampled their tokens is not known."""
    samples = batch(Random(0))
    for sample in samples:
        for turn in sample.trajectory.turns:
            turn.logprobs = []
    return compiled(samples)


def objective(model: PreTrainedModel, rows: list[TrainRow]) -> float:
    """Weighted sum of the advantages times the log-probs."""
    with torch.no_grad():
        logp = action_logps(model, rows, 1.0)
    advantages = torch.cat([torch.from_numpy(r.advantage[r.row.mask]) for r in rows])
    return float((logp.float() * advantages).mean())


def moved(dtype: torch.dtype, lr: float) -> tuple[float, float]:
    """How far 50 updates move the objective in float32 terms, and the share of changed weights."""
    model = qwen(torch.float32)
    model.to(dtype)
    begin = copy.deepcopy(model)
    policy = Policy(model, lr=lr)
    rows = rows_of()
    for _ in range(50):
        policy.update(rows, [Clip(low=0.9, high=9.0)])
    masters = policy.lm.masters.parameters
    trained = qwen(torch.float32)
    with torch.no_grad():
        for parameter, master in zip(trained.parameters(), masters, strict=True):
            parameter.copy_(master)
    first = begin.float()
    changed = [(a != b).float().mean() for a, b in zip(first.parameters(), masters, strict=True)]
    return objective(trained, rows) - objective(first, rows), float(torch.stack(changed).mean())


def test_at_a_rate_of_1e_6_bfloat16_moves_the_objective_as_float32_does() -> None:
    wanted, _ = moved(torch.float32, 1e-6)
    found, changed = moved(torch.bfloat16, 1e-6)
    assert wanted > 0
    assert found == pytest.approx(wanted, rel=0.1)
    assert changed > 0.5  # without masters 2 %


def test_the_model_is_the_rounded_masters_after_each_update() -> None:
    model = qwen(torch.bfloat16)
    policy = Policy(model, lr=1e-3)
    policy.update(rows_of(), [Clip()])
    for parameter, master in zip(model.parameters(), policy.lm.masters.parameters, strict=True):
        assert master.dtype == torch.float32
        assert torch.equal(parameter, master.to(torch.bfloat16))
        assert parameter.grad is None  # it lies in the master, in float32


def test_gradients_of_micro_batches_add_up_in_float32() -> None:
    """256 equal gradients of 1/257: in bfloat16 their sum stops growing."""
    weight = torch.nn.Parameter(torch.zeros(1, dtype=torch.bfloat16))
    masters = MasterWeights([weight])
    each = torch.tensor(1 / 257, dtype=torch.bfloat16)
    for _ in range(2048):
        (weight * each).sum().backward()
    assert masters.parameters[0].grad is not None
    assert masters.parameters[0].grad.item() == pytest.approx(2048 * each.float().item(), rel=1e-5)


def test_weights_changed_by_others_are_taken_over_and_others_keep_their_precision() -> None:
    weight = torch.nn.Parameter(torch.tensor([1.0, 2.0], dtype=torch.bfloat16))
    masters = MasterWeights([weight])
    [master] = masters.parameters
    master.copy_(torch.tensor([1.0001, 2.0]))
    masters.write()
    with torch.no_grad():
        weight[1] = 3.0
    masters.read()
    assert master.tolist() == pytest.approx([1.0001, 3.0], abs=1e-7)


def test_float32_weights_are_their_own_masters() -> None:
    model = qwen(torch.float32)
    masters = MasterWeights(model.parameters())
    assert all(a is b for a, b in zip(masters.parameters, model.parameters(), strict=True))
    assert masters.state() == []


def test_an_update_after_a_restored_state_is_the_same_to_the_bit() -> None:
    def updated(policy: Policy) -> dict[str, Any]:
        policy.update(rows_of(), [Clip()])
        return {n: p.detach().clone() for n, p in policy.model.named_parameters()}

    policy = Policy(qwen(torch.bfloat16), lr=1e-4)
    for _ in range(3):
        policy.update(rows_of(), [Clip()])
    other = Policy(LanguageModel(copy.deepcopy(policy.model)), lr=1e-4)
    state = copy.deepcopy(policy.state())
    other.load(state, [Clip()])
    one, two = updated(policy), updated(other)
    assert all(torch.equal(one[name], two[name]) for name in one)
    masters = zip(policy.lm.masters.parameters, other.lm.masters.parameters, strict=True)
    assert all(torch.equal(a, b) for a, b in masters)


def test_a_state_of_another_shape_is_refused() -> None:
    masters = MasterWeights([torch.nn.Parameter(torch.zeros(2, dtype=torch.bfloat16))])
    with pytest.raises(ValueError, match=r"shape \[3\]"):
        masters.load([torch.zeros(3)])
