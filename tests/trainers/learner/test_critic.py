"""Values of the states before action tokens, and learning them: by hand, and on a real model."""

from __future__ import annotations

import asyncio
import copy
import math
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from envgym.errors import UsageError
from envgym.trainers.collection.samples import Sample
from envgym.trainers.config import CriticSection, HeadCritic, ModelCritic
from envgym.trainers.learner.critic import Critic, explained_variance, value_loss
from envgym.trainers.learner.model.language_model import LanguageModel
from envgym.trainers.learner.policy import Policy, TrainingError
from envgym.trainers.learner.rescoring import Scorer
from envgym.trainers.learner.rows import TrainRow, train_rows
from envgym.trainers.loop import Trainer
from envgym.trainers.losses import Clip
from envgym.trainers.losses.base import token_weights
from envgym.trainers.run import train
from envgym.trajectory import Span
from tests.trainers.helpers import episode
from tests.trainers.learner.test_packing import batch, qwen
from tests.trainers.test_run import config, metrics, weights

NAN = float("nan")


def test_value_clipping_by_hand() -> None:
    """Clip 0.2 around an old value of 1: against the returns 2, 2, 1.25, 0 and 0."""
    value = torch.tensor([1.5, 1.1, 1.5, 0.5, 1.5], requires_grad=True)
    loss, held = value_loss(value, torch.ones(5), torch.tensor([2.0, 2.0, 1.25, 0.0, 0.0]), 0.2)
    wanted = [0.8**2, 0.9**2, 0.25**2, 0.8**2, 1.5**2]  # of 1.2, 1.1, 1.5, 0.8 and 1.5
    assert loss.tolist() == pytest.approx([w / 2 for w in wanted])
    assert held.tolist() == [True, False, False, True, False]
    loss.sum().backward()
    assert value.grad is not None
    assert value.grad.tolist() == pytest.approx([0.0, -0.9, 0.25, 0.0, 1.5])


def test_without_a_clip_it_is_the_square() -> None:
    value = torch.tensor([3.0], requires_grad=True)
    loss, held = value_loss(value, torch.zeros(1), torch.ones(1), None)
    assert (loss.item(), held.item()) == (2.0, False)


def critic(model: Any, settings: CriticSection | None = None, **layout: Any) -> Critic:
    """With a head that says something."""
    lm = LanguageModel(model, **layout)
    made = Critic(lm, settings or HeadCritic(kind="head"), grad_clip=1e9)
    made.head.double()
    torch.manual_seed(5)
    torch.nn.init.normal_(made.head.weight)
    torch.nn.init.constant_(made.head.bias, 0.5)
    return made


def assess(made: Critic, samples: list[Sample]) -> None:
    """Set the samples' values."""
    layout = {"micro_tokens": made.lm.micro_tokens, "packing": made.lm.packing}
    policy = Policy(LanguageModel(qwen(), **layout), lr=0.0)
    Scorer(policy, critic=made).add(["value"], samples)


def alone(made: Critic, ids: list[int]) -> list[float]:
    """Its value after each of these tokens."""
    states = made.lm.model.base_model(input_ids=torch.tensor([ids])).last_hidden_state[0]
    return made.head(states).squeeze(-1).tolist()


@pytest.mark.parametrize("packing", [True, False])
def test_values_are_of_the_states_before_tokens_across_turns_and_rows(packing: bool) -> None:
    made = critic(qwen(), packing=packing)
    long = episode([([1, 2], [3, 4]), ([5, 6, 7], [8]), ([9], [10, 11])], restart=(2,))
    long.turns[0].context.append(Span("hint", [20, 21]))  # the loss does not see it
    silent = episode([([1, 2], []), ([3], [4])])
    samples = [Sample(e, e.trajectory) for e in (long, silent)]
    assess(made, samples)
    row, second = alone(made, [1, 2, 3, 4, 5, 6, 7, 8]), alone(made, [9, 10, 11])
    first, other = samples[0].value, samples[1].value
    assert first is not None
    assert other is not None
    assert first[0] == pytest.approx([row[1], row[2]], abs=1e-6)  # after 2; after 3
    assert first[1] == pytest.approx([row[6]], abs=1e-6)  # after all that the tool said
    assert first[2] == pytest.approx([second[0], second[1]], abs=1e-6)
    assert [len(v) for v in other] == [0, 1]
    assert other[1] == pytest.approx([alone(made, [1, 2, 3])[2]], abs=1e-6)


def taught(made: Critic, samples: list[Sample], chance: Random) -> list[TrainRow]:
    """Rows with values and with returns, one in three of them missing."""
    assess(made, samples)
    for sample in samples:
        sample.returns = [
            np.array([NAN if chance.random() < 0.3 else chance.uniform(-1, 1) for _ in a]).astype(
                np.float32
            )
            for a in sample.advantages
        ]
    return train_rows(samples, token_weights(samples, "token", 1.0))


def test_the_loss_is_the_mean_over_targets_and_nothing_else_has_a_gradient() -> None:
    """By the textbook: token by token, no padding, no parts."""
    made = critic(qwen(), ModelCritic(kind="model", clip=None))
    samples = batch(Random(2))
    taught(made, samples, Random(0))
    body = list(made.lm.model.base_model.parameters())
    total, count = torch.zeros((), dtype=torch.float64), 0
    for sample in samples:
        ids: list[int] = []
        for turn, returns in zip(sample.trajectory.turns, sample.returns, strict=True):
            if turn.restart:
                ids = []
            ids += turn.context_ids
            for token, target in zip(turn.action, returns, strict=True):
                if not math.isnan(target):
                    states = made.lm.model.base_model(
                        input_ids=torch.tensor([ids])
                    ).last_hidden_state
                    total = total + (made.head(states[0, -1])[0] - float(target)).square() / 2
                    count += 1
                ids.append(token)
    wanted = torch.autograd.grad(total / count, [*body, made.head.weight, made.head.bias])
    for packing, micro_tokens in ((True, 10**6), (False, 10**6), (True, 40), (False, 1)):
        made.lm.packing, made.lm.micro_tokens = packing, micro_tokens
        before = copy.deepcopy(made.module.state_dict())
        rows = train_rows(samples, [1.0] * len(samples))
        told = made.update(rows, lr_scale=0.0)
        assert told["value_loss"] == pytest.approx((total / count).item(), abs=1e-6)
        found = [p.grad for p in (*body, made.head.weight, made.head.bias)]
        for a, b in zip(found, wanted, strict=True):
            torch.testing.assert_close(a, b, atol=1e-6, rtol=1e-5)
        assert all(torch.equal(v, before[k]) for k, v in made.module.state_dict().items())


def joint(coef: float | None, packing: bool, micro_tokens: int) -> tuple[dict[str, Tensor], Tensor]:
    """Gradients of the policy and of the head, of one update with a head of that coefficient."""
    model = qwen()
    samples = batch(Random(4))
    made = critic(model, HeadCritic(kind="head", coef=coef or 0.0, clip=0.01))
    rows = taught(made, samples, Random(1))
    policy = Policy(
        LanguageModel(model, micro_tokens=micro_tokens, packing=packing), lr=0.0, grad_clip=1e9
    )
    if coef is None:
        policy.update(rows, [Clip()])
    else:
        torch.nn.init.normal_(made.head.weight)  # it moved since the values were taken
        assert made.start(rows)
        policy.update(rows, [Clip()], value=made.term)
        assert 0 < made.step(0.0)["value_clipfrac"] < 1
    gradients = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
    return gradients, made.head.weight.grad if coef is not None else torch.zeros(())


def test_a_head_passes_its_share_of_the_gradient_to_the_policy_and_all_to_itself() -> None:
    plain, _ = joint(None, True, 10**6)
    none, head = joint(0.0, True, 10**6)
    some, same = joint(0.1, True, 10**6)
    more, again = joint(0.3, False, 50)
    torch.testing.assert_close(head, same, atol=1e-9, rtol=0)
    torch.testing.assert_close(head, again, atol=1e-6, rtol=0)
    moved = 0.0
    for name, gradient in plain.items():
        torch.testing.assert_close(none[name], gradient, atol=1e-12, rtol=0)
        share = some[name] - gradient
        moved = max(moved, share.abs().max().item())
        torch.testing.assert_close(more[name] - gradient, 3 * share, atol=1e-6, rtol=1e-5)
    assert moved > 1e-4


@pytest.mark.parametrize("settings", [HeadCritic(kind="head"), ModelCritic(kind="model")])
def test_it_learns_what_it_is_told_and_a_model_leaves_the_policy_alone(
    settings: CriticSection,
) -> None:
    model = qwen().float()
    before = copy.deepcopy(model.state_dict())
    made = Critic(LanguageModel(model), settings.model_copy(update={"lr": 0.03, "clip": None}))
    samples = batch(Random(6), 12)
    for sample in samples:  # an episode is worth what its first action is
        first = sample.trajectory.turns[0].action[0] / 50
        sample.returns = [np.full(len(a), first, np.float32) for a in sample.advantages]
    assess(made, samples)
    assert all(not np.any(v) for s in samples for v in s.value or ())  # a fresh head says 0
    assert explained_variance(samples) == pytest.approx(0, abs=1e-6)
    rows = train_rows(samples, [1.0] * len(samples))
    for _ in range(40):
        made.update(rows)
    assess(made, samples)
    assert explained_variance(samples) > 0.4
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())


def test_explained_variance_by_hand() -> None:
    one = episode([([1], [2, 3]), ([1], [4, 5])])
    sample = Sample(one, one.trajectory)
    assert explained_variance([sample]) == 0.0  # nothing is known of it
    sample.value = [np.array([0.0, 9.0], np.float32), np.array([1.0, 3.0], np.float32)]
    sample.returns = [np.array([0.0, NAN], np.float32), np.array([2.0, 4.0], np.float32)]
    # returns 0, 2, 4 of variance 8/3; errors 0, 1, 1 of variance 2/9
    assert explained_variance([sample]) == pytest.approx(1 - 2 / 9 / (8 / 3))


def test_a_batch_without_targets_teaches_nothing_and_a_bad_one_stops_the_run() -> None:
    made = critic(qwen(), ModelCritic(kind="model"))
    samples = batch(Random(0), 2)
    assert made.update(train_rows(samples, [1.0, 1.0])) == {}
    for sample in samples:
        sample.returns = [np.full(len(a), np.inf, np.float32) for a in sample.advantages]
    assess(made, samples)
    before = copy.deepcopy(made.module.state_dict())
    with pytest.raises(TrainingError, match=r"critic\.lr"):
        made.update(train_rows(samples, [1.0, 1.0]))
    assert all(torch.equal(v, before[k]) for k, v in made.module.state_dict().items())


# The world's own reward is 0 for a model as green: it pays for what it says, the end of it most.
OVERLONG = "rewards=[environment, {name: overlong, limit: 24, buffer: 20}]"
PPO = (
    OVERLONG,
    "advantage={name: gae, lam: 0.9}",
    "losses=[clip]",
    "evaluation.tasks=0",
    "hooks=[]",
    "learner.steps=4",
)


@pytest.mark.parametrize("kind", ["head", "model"])
async def test_a_run_warms_its_critic_up_and_goes_on_exactly_where_it_was(
    tmp_path: Path, kind: str
) -> None:
    options = (*PPO, f"critic={{kind: {kind}, warmup: 2, lr: 0.01}}")
    await train(config(tmp_path, "whole", *options))
    told = metrics(tmp_path / "whole")
    assert [row["critic/explained_variance"] != 0 for row in told] == [False, True, True, True]
    assert ["learn/ratio" in row for row in told] == [False, False, True, True]
    assert told[2]["learn/logp_gap"] < 1e-4  # the policy did not move under the warm-up
    assert all("learn/value_loss" in row for row in told)
    running = asyncio.create_task(train(config(tmp_path, "cut", *options)))
    while not list((tmp_path / "cut").glob("checkpoints/step-00000[23]")):
        await asyncio.sleep(0.01)
        assert not running.done()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await train(config(tmp_path, "cut", *options), resume=True)
    assert metrics(tmp_path / "cut") == told
    one, two = weights(tmp_path / "cut"), weights(tmp_path / "whole")
    assert all(torch.equal(one[name], two[name]) for name in two)
    last = "checkpoints/step-000004/critic.safetensors"
    mine, whole = (load_file(tmp_path / name / last) for name in ("cut", "whole"))
    assert all(torch.equal(mine[name], whole[name]) for name in whole)
    assert any("body" in name for name in whole) == (kind == "model")


async def test_a_critic_of_its_own_begins_as_the_policy_after_its_warm_start(
    tmp_path: Path,
) -> None:
    options = (*PPO, "critic={kind: model}", "losses=[clip, kl]")
    trainer = Trainer(config(tmp_path, "a", *options))
    await trainer.warm_start()
    assert trainer.critic is not None
    assert trainer.reference is not None
    mine = trainer.model.state_dict()
    assert trainer.critic.lm.model is not trainer.model
    for other in (trainer.critic.lm.model.state_dict(), trainer.reference.weights):
        assert all(torch.equal(v, mine[k]) for k, v in other.items())
        assert all(v.data_ptr() != mine[k].data_ptr() for k, v in other.items())
    await trainer.close()


def test_a_critic_and_what_needs_it_come_together(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"advantage 'gae': it needs values: add critic"):
        config(tmp_path, "a", "advantage=gae")
    with pytest.raises(UsageError, match=r"advantage 'grpo': it uses no values"):
        config(tmp_path, "a", "critic={kind: head}")
    with pytest.raises(UsageError, match=r"critic\.head\.coef"):
        config(tmp_path, "a", *PPO, "critic={kind: head, coef: -1}")
