from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from transformers import PreTrainedModel, Qwen3Config, Qwen3ForCausalLM

from envgym.errors import UsageError
from envgym.trainers.collection.samples import Sample
from envgym.trainers.learner.model.language_model import LanguageModel
from envgym.trainers.learner.model.reference import Reference
from envgym.trainers.learner.policy import Policy
from envgym.trainers.learner.rescoring import TOKEN_DATA, Scorer, token_data
from envgym.trainers.learner.rows import TrainRow, train_rows
from envgym.trainers.losses import Clip, Decoupled, Gspo, LossInputs, Tis
from envgym.trainers.losses.base import token_weights
from envgym.trajectory import Span
from tests.trainers.helpers import episode


@pytest.fixture
def model() -> PreTrainedModel:
    torch.manual_seed(0)
    sizes = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1}
    heads = {"num_attention_heads": 1, "num_key_value_heads": 1, "head_dim": 8}
    shape = Qwen3Config(vocab_size=12, initializer_range=0.5, **sizes, **heads)
    return Qwen3ForCausalLM(shape).eval()


def samples() -> list[Sample]:
    """Several turns, one of them after a hint, one in a row of its own."""
    made = [
        episode([([1, 2], [3, 4]), ([5], [6]), ([1, 7], [8, 9, 10])], restart=(2,)),
        episode([([1, 2], [4])]),
    ]
    made[0].turns[1].context.append(Span("hint", [11, 11]))
    return [Sample(e, e.trajectory) for e in made]


def distributions(model: PreTrainedModel, temperature: float) -> list[list[torch.Tensor]]:
    """The distribution that each action token is drawn from, without hints, a row at a time."""
    contexts = [[[1, 2, 3, 4, 5, 6], [1, 7, 8, 9, 10]], [[1, 2, 4]]]
    places = [[[1, 2, 4], [1, 2, 3]], [[1]]]
    found = []
    for rows, ats in zip(contexts, places, strict=True):
        parts = []
        for row, at in zip(rows, ats, strict=True):
            logits = model(torch.tensor([row])).logits[0, at] / temperature
            parts.append(torch.softmax(logits, -1))
        found.append(list(torch.cat(parts)))
    return found


ACTIONS = [[3, 4, 6, 8, 9, 10], [4]]


def flat(parts: Any) -> list[float]:
    return [float(x) for part in parts for x in part]


@pytest.mark.parametrize("micro_tokens", [1, 1000])
def test_log_probs_are_the_models_in_the_target_context(
    model: PreTrainedModel, micro_tokens: int
) -> None:
    made = samples()
    policy = Policy(LanguageModel(model, micro_tokens=micro_tokens), lr=0.0, temperature=0.5)
    Scorer(policy, Reference(LanguageModel(model))).add(["ref_logp", "prox_logp"], [*made, made[0]])
    for sample, actions, probs in zip(made, ACTIONS, distributions(model, 0.5), strict=True):
        wanted = [p[a].log().item() for p, a in zip(probs, actions, strict=True)]
        assert sample.ref_logp is not None
        assert sample.prox_logp is not None
        assert [len(p) for p in sample.prox_logp] == [
            len(t.action) for t in sample.trajectory.turns
        ]
        assert flat(sample.prox_logp) == pytest.approx(wanted, abs=1e-5)
        assert flat(sample.ref_logp) == pytest.approx(wanted, abs=1e-5)


def test_norms_are_those_of_the_scores(model: PreTrainedModel) -> None:
    made = samples()
    Scorer(Policy(model, lr=0.0, temperature=0.5)).add(["norms"], made)
    for sample, actions, probs in zip(made, ACTIONS, distributions(model, 0.5), strict=True):
        assert sample.norms is not None
        wanted = []
        for p, action in zip(probs, actions, strict=True):
            score = -p
            score[action] += 1.0
            wanted.append(score.square().sum().item())
        assert flat(sample.norms) == pytest.approx(wanted, abs=1e-5)


def test_nothing_is_asked_for_nobody(model: PreTrainedModel) -> None:
    made = samples()
    policy = Policy(model, lr=0.0)
    Scorer(policy).add([], made)
    assert all(s.ref_logp is s.norms is s.prox_logp is None for s in made)


def test_what_is_frozen_is_scored_once_and_what_moves_anew(model: PreTrainedModel) -> None:
    made = samples()
    scorer = Scorer(Policy(model, lr=0.0), Reference(LanguageModel(model)))
    scorer.add(["ref_logp", "prox_logp"], made)
    first = [(s.ref_logp, s.prox_logp) for s in made]
    scorer.add(["ref_logp", "prox_logp"], made)
    for sample, (ref, prox) in zip(made, first, strict=True):
        assert sample.ref_logp is ref
        assert sample.prox_logp is not prox


def test_new_token_data_is_one_function(model: PreTrainedModel) -> None:
    @token_data("place")
    def place(scorer: Scorer, rows: Sequence[TrainRow]) -> torch.Tensor:
        return torch.cat([torch.from_numpy(np.flatnonzero(r.row.mask)) for r in rows])

    class Reads(Clip):
        needs = frozenset({"place"})

        def __call__(self, inputs: LossInputs) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
            return super().__call__(inputs)[0], {"place": inputs.data["place"]}

    try:
        made = samples()
        for sample in made:
            sample.set_advantage(1.0)
        Scorer(Policy(model, lr=0.0)).add(Reads.needs, made)
        assert flat(made[1].token_data["place"]) == [2.0]
        assert update(model, made, Reads(), lr=0.0)["place"] == pytest.approx(
            np.mean([2, 3, 5, 2, 3, 4, 2])
        )
    finally:
        del TOKEN_DATA["place"]


def test_unknown_token_data_is_named(model: PreTrainedModel) -> None:
    with pytest.raises(UsageError, match=r"no token data 'prox_logps'.*prox_logp"):
        Scorer(Policy(model, lr=0.0)).add(["prox_logps"], samples())


def update(
    model: PreTrainedModel,
    made: Sequence[Sample],
    loss: Any,
    micro_tokens: int = 10**6,
    **settings: Any,
) -> dict[str, float]:
    rows = train_rows(made, token_weights(list(made), "token", 1.0))
    lm = LanguageModel(model, micro_tokens=micro_tokens)
    return Policy(lm, grad_clip=1e9, **settings).update(rows, [loss])


def test_the_first_update_is_around_the_policy_and_the_second_is_not(
    model: PreTrainedModel,
) -> None:
    """Samples recorded by another policy: clipped around the one that is updated."""
    made = samples()
    for sample in made:
        sample.set_advantage(1.0)
    policy = Policy(model, lr=0.5, grad_clip=1e9)
    Scorer(policy).add(["prox_logp"], made)
    rows = train_rows(made, token_weights(made, "token", 1.0))
    first = policy.update(rows, [Decoupled(max_weight=1e9)])
    assert first["ratio"] != pytest.approx(1.0, abs=0.1)
    assert first["ratio"] == pytest.approx(first["sampler_weight"], rel=1e-4)
    assert first["clipfrac"] == 0
    second = policy.update(rows, [Decoupled(max_weight=1e9)])
    assert second["sampler_weight"] == pytest.approx(first["sampler_weight"])
    assert second["clipfrac"] > 0


def test_without_a_record_the_sampler_is_the_policy(model: PreTrainedModel) -> None:
    made = samples()
    for sample in made:
        sample.set_advantage(1.0)
        for turn in sample.trajectory.turns:
            turn.logprobs = []
    Scorer(Policy(model, lr=0.0)).add(["prox_logp"], made)
    told = update(model, made, Tis(), lr=0.0)
    assert told["ratio"] == told["sampler_weight"] == pytest.approx(1.0)


def test_an_episodes_ratio_does_not_hang_on_its_rows(model: PreTrainedModel) -> None:
    """GSPO over one token a row; a model that sees one token back, so that rows change nothing."""
    blind = copy.deepcopy(model).double()
    for layer in blind.model.layers:
        torch.nn.init.zeros_(layer.self_attn.o_proj.weight)
        layer.self_attn.requires_grad_(False)
    found = []
    for restart, micro_tokens in (((), 1000), ((1, 2), 1000), ((1, 2), 1)):
        turns = [([1], [2]), ([3], [4]), ([5], [6])]
        made = [episode(turns, restart=restart, logprob=-2.0), episode(turns[:2], logprob=-2.5)]
        batch = [Sample(e, e.trajectory) for e in made]
        for sample, advantage in zip(batch, (1.0, -1.0), strict=True):
            sample.set_advantage(advantage)
        told = update(blind, batch, Gspo(low=0.9, high=9.0), lr=0.0, micro_tokens=micro_tokens)
        gradient = blind.lm_head.weight.grad
        found.append((told["loss"], told["sequence_ratio"], gradient.clone()))
    for loss, ratio, gradient in found[1:]:
        assert (loss, ratio) == pytest.approx(found[0][:2], rel=1e-4)
        torch.testing.assert_close(gradient, found[0][2])
