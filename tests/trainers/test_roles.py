"""Roles of episodes and samples: who trains them, and who leaves them out of account."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import PreTrainedModel

from envgym.errors import UsageError
from envgym.rollout.runner import RolloutResult
from envgym.store.episodes import EpisodeWriter, read_episodes
from envgym.trainers.batching import Shuffled
from envgym.trainers.collection.samples import Sample, as_groups, of_policy
from envgym.trainers.config_sections import Learner
from envgym.trainers.learner.model.language_model import LanguageModel
from envgym.trainers.learner.policy import Policy, action_logps
from envgym.trainers.learner.rows import train_rows
from envgym.trainers.losses import Clip, DppoTv, Loss, LossInputs, Sft
from envgym.trainers.losses.base import check_roles, loss_weights, token_weights, useful_rows
from envgym.trainers.rewards import EnvironmentReward
from envgym.trainers.running import metrics as measure
from envgym.trajectory import Span
from tests.trainers.helpers import episode
from tests.trainers.learner.test_packing import qwen


def sample(role: str, advantage: float | None = None, **options: Any) -> Sample:
    made = episode([([1, 2], [3, 4])], **options)
    made.role = role
    found = Sample(made, made.trajectory)
    if advantage is not None:
        found.set_advantage(advantage)
    return found


@pytest.fixture
def model() -> PreTrainedModel:
    return qwen()


def logp(model: PreTrainedModel, of: Sample) -> float:
    with torch.no_grad():
        return float(action_logps(model, train_rows([of], [1.0]), 1.0).sum())


def updated(model: PreTrainedModel, samples: list[Sample], losses: Sequence[Loss]) -> None:
    rows = train_rows(samples, token_weights(samples, "token", 1.0))
    weights = loss_weights(losses, samples, Shuffled(), Learner())
    for _ in range(5):
        Policy(model, lr=1e-2).update(useful_rows(rows, losses), losses, weights=weights)


def test_a_supervised_loss_leaves_failures_alone(model: PreTrainedModel) -> None:
    """`losses: [clip, sft]` once imitated every sampled token, failures too."""
    failed = sample("policy", -1.0, logprob=-9.0)
    before = logp(model, failed)
    updated(model, [failed], [Clip(), Sft()])
    assert logp(model, failed) < before - 0.01


def test_a_demonstration_beside_samples_is_learnt(model: PreTrainedModel) -> None:
    """It has no advantage, and was once dropped for that."""
    shown, failed = sample("demonstration"), sample("policy", 0.0)
    shown.trajectory.turns[0].action = [7, 8]
    shown = Sample(shown.episode, shown.trajectory)
    before = logp(model, shown)
    updated(model, [failed, shown], [Clip(), Sft()])
    assert logp(model, shown) > before + 0.01


def test_every_loss_divides_over_its_own_roles() -> None:
    batch = [sample("policy", 1.0), sample("policy", 1.0), sample("demonstration")]
    clip, sft = loss_weights([Clip(), Sft()], batch, Shuffled(), Learner())
    assert clip == [0.25, 0.25, 0.0]
    assert sft == [0.0, 0.0, 0.5]
    [each] = loss_weights([Clip(denominator="sequence")], batch[:1], Shuffled(), Learner())
    assert each == [0.5]


def test_a_role_without_a_loss_is_named() -> None:
    with pytest.raises(UsageError, match=r"no loss trains episode e, whose role is 'critique'"):
        check_roles([sample("critique", 1.0)], [Clip()])
    check_roles([sample("critique", 1.0)], [Clip(roles=("policy", "critique"))])


def test_a_loss_of_its_own_rate_has_moments_of_its_own(model: PreTrainedModel) -> None:
    losses = [Clip(), Sft(lr=1e-2)]
    policy = Policy(model, lr=1e-3)
    samples = [sample("policy", 1.0), sample("demonstration")]
    told = policy.update(train_rows(samples, [0.5, 0.5]), losses)
    assert {"sft_nll", "sft_grad_norm", "ratio", "grad_norm"} <= told.keys()
    again = Policy(qwen(), lr=1e-3)
    again.load(policy.state(), losses)
    assert again.own_optimizers.keys() == {"sft"}
    assert again.updates == 1


def test_a_pull_needs_no_advantage() -> None:
    """A row without credit keeps its pull to the record (dppo_tv), and was once left out."""
    rows = train_rows([sample("policy", 0.0)], [1.0])
    assert useful_rows(rows, [DppoTv()]) == rows
    assert useful_rows(rows, [DppoTv(pull=0.0)]) == []


def test_batch_statistics_are_over_the_whole_batch(model: PreTrainedModel) -> None:
    seen: list[float] = []

    class Quantile(Clip):
        def batch_statistics(self, batch: LossInputs) -> dict[str, float]:
            return {"most": float(batch.advantage.max())}

        def __call__(self, inputs: LossInputs) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
            seen.append(inputs.statistics["most"])
            return super().__call__(inputs)

    samples = [sample("policy", a) for a in (1.0, 2.0, 3.0)]
    rows = train_rows(samples, [1.0] * 3)
    Policy(LanguageModel(model, micro_tokens=4, packing=False), lr=0.0).update(rows, [Quantile()])
    assert seen == [3.0] * 3


def test_what_a_hint_guided_is_known_per_token() -> None:
    made = episode([([1], [2]), ([3], [4, 5]), ([6], [7])])
    made.turns[1].context.append(Span("hint", [9]))
    [row] = train_rows([Sample(made, made.trajectory)], [1.0])
    assert row.guided[row.row.mask].tolist() == [False, True, True, True]


def test_roles_share_no_baseline_and_scores_are_the_policys() -> None:
    episodes = [episode([([1], [2])], reward=r, score=r, group="g") for r in (0.0, 0.0, 1.0, 1.0)]
    for guided in episodes[2:]:
        guided.role, guided.guided_by = "guided", "hint:1"
    groups = as_groups(episodes)
    assert [[s.role for s in g] for g in groups] == [["policy"] * 2, ["guided"] * 2]
    assert of_policy(groups) == groups[:1]
    EnvironmentReward()(groups)
    told = measure.of_groups(groups, RolloutResult(episodes))
    assert (told["score"], told["role/guided_score"], told["role/guided"]) == (0.0, 1.0, 0.5)


def test_roles_are_stored(tmp_path: Path) -> None:
    made = episode([([1], [2])])
    made.role, made.guided_by, made.turns[0].cut = "guided", "hint:1", True
    EpisodeWriter(tmp_path).write([made])
    [again] = read_episodes(tmp_path)
    assert (again.role, again.guided_by, again.turns[0].cut) == ("guided", "hint:1", True)


def test_a_prefix_is_context_and_carries_no_gradient() -> None:
    made = episode([([1], [4, 5])])
    made.turns[0].context.append(Span("prefix", [2, 3]))
    [row] = train_rows([Sample(made, made.trajectory)], [1.0])
    assert row.row.ids.tolist() == [1, 2, 3, 4, 5]
    assert np.flatnonzero(row.row.mask).tolist() == [3, 4]
