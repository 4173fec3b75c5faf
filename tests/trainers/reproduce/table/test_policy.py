"""Probabilities and gradient of a table against plain formulas."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from envgym.task import Task
from envgym.trainers.collection.samples import Sample
from envgym.trainers.config_sections import Learner
from envgym.trainers.losses import Clip, Decoupled
from envgym.trainers.reproduce.table import TablePolicy
from envgym.trajectory import Episode, Trajectory, Turn

STATES, ACTIONS = 2, 3


def sample(rng: np.random.Generator, turns: int) -> Sample:
    """Random actions that another policy sampled, with random advantages."""
    played = [
        Turn([], [int(rng.integers(STATES * ACTIONS))], [float(-1 - rng.random())], [0])
        for _ in range(turns)
    ]
    found = Sample(
        Episode("e", "table", Task({}), 0, trajectories={"agent": Trajectory("agent", played)}),
        Trajectory("agent", played),
    )
    found.advantages = [rng.normal(size=1).astype(np.float32) for _ in played]
    return found


def clipped_gradient(logits: np.ndarray, batch: list[Sample], weight: float) -> np.ndarray:
    """d/dθ of -Σ w min(r A, clip(r) A): -w r A (1[a] - π(s)) where the clip is not active."""
    probs = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    found = np.zeros_like(logits)
    for one in batch:
        for turn, (advantage,) in zip(one.trajectory.turns, one.advantages, strict=True):
            state, action = divmod(turn.action[0], ACTIONS)
            ratio = probs[state, action] / np.exp(turn.logprobs[0])
            if (advantage > 0 and ratio > 1.2) or (advantage < 0 and ratio < 0.8):
                continue
            pull = weight * ratio * advantage
            found[state] += pull * probs[state]
            found[state, action] -= pull
    return found


@given(st.integers(0, 10_000))
def test_probabilities_and_gradient(seed: int) -> None:
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(STATES, ACTIONS))
    batch = [sample(rng, 3), sample(rng, 2)]
    policy = TablePolicy(torch.tensor(logits, dtype=torch.float32), Learner(lr=0.1, grad_clip=1e9))
    probs = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(np.exp(policy.log_probs()), probs, rtol=1e-5)

    share = policy.update(batch, [Clip()], [[0.2, 0.2]], torch.zeros(2, 3), 0)
    expected = clipped_gradient(logits, batch, 0.2)
    assert policy.logits.grad is not None
    np.testing.assert_allclose(policy.logits.grad.numpy(), expected, rtol=1e-3, atol=1e-5)
    moved = policy.logits.detach().numpy() - logits  # Adam's first step is a sign
    large = np.abs(expected) > 1e-3
    np.testing.assert_allclose(moved[large], -0.1 * np.sign(expected[large]), rtol=1e-3)
    turns = [turn for one in batch for turn in one.trajectory.turns]
    ratios = [probs.flatten()[t.action[0]] / np.exp(t.logprobs[0]) for t in turns]
    assert share == pytest.approx(np.mean([abs(r - 1) > 0.2 for r in ratios]))


def test_a_proximal_policy_weighs_tokens() -> None:
    """At the first update u = 1: the gradient is that of w·A, whatever the ratio."""
    rng = np.random.default_rng(0)
    batch = [sample(rng, 1)]
    policy = TablePolicy(torch.zeros(STATES, ACTIONS), Learner(grad_clip=1e9))
    prox = policy.logits.detach().clone()
    policy.update(batch, [Decoupled()], [[1.0]], prox, 0)
    turn, (advantage,) = batch[0].trajectory.turns[0], batch[0].advantages[0]
    state, action = divmod(turn.action[0], ACTIONS)
    weight = (1 / 3) / np.exp(turn.logprobs[0])
    assert policy.logits.grad is not None
    assert policy.logits.grad[state, action] == pytest.approx(-weight * advantage * 2 / 3, rel=1e-4)


def test_nothing_to_learn_from_changes_nothing() -> None:
    one = sample(np.random.default_rng(0), 2)
    one.advantages = [np.zeros(1, np.float32)] * 2
    policy = TablePolicy(torch.zeros(STATES, ACTIONS), Learner(lr=0.1))
    assert policy.update([one], [Clip()], [[0.5]], torch.zeros(2, 3), 0) is None
    assert policy.updates == 0
    assert not policy.logits.any()
