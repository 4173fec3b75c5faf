"""Losses and their derivatives against the papers' formulas, case by case, one token at a time."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest
import torch
from hypothesis import given, settings

from envgym.trainers.losses import Loss, LossInputs
from envgym.trainers.plugin import PLUGINS
from tests.trainers.strategies import chances


@dataclass
class Token:
    """One action token: log-probs under four policies, and its credit."""

    new: float
    old: float
    prox: float
    ref: float
    credit: float
    episode: int


Told = list[tuple[float, float]]
"""Loss of each token, and the derivative of the summed loss by the token's log-prob."""


def surrogate(ratio: float, credit: float, low: float, high: float) -> tuple[float, float]:
    """PPO's four cases: a token that has moved as far as it should has no gradient left."""
    if credit >= 0 and ratio > 1 + high:
        return -(1 + high) * credit, 0.0
    if credit < 0 and ratio < 1 - low:
        return -(1 - low) * credit, 0.0
    return -ratio * credit, -ratio * credit


def clip(tokens: list[Token], low: float, high: float, dual: float = math.inf) -> Told:
    found = []
    for t in tokens:
        value, slope = surrogate(math.exp(t.new - t.old), t.credit, low, high)
        if t.credit < 0 and value > -dual * t.credit:
            value, slope = -dual * t.credit, 0.0
        found.append((value, slope))
    return found


def gspo(tokens: list[Token], low: float, high: float) -> Told:
    found = []
    for t in tokens:
        own = [o.new - o.old for o in tokens if o.episode == t.episode]
        found.append(surrogate(math.exp(sum(own) / len(own)), t.credit, low, high))
    return found


def cispo(tokens: list[Token], low: float, high: float) -> Told:
    found = []
    for t in tokens:
        weight = min(max(math.exp(t.new - t.old), 1 - low, 0.0), 1 + high)
        found.append((-weight * t.credit * t.new, -weight * t.credit))
    return found


def decoupled(tokens: list[Token], least: float, most: float, truncate: bool) -> Told:
    found = []
    for t in tokens:
        weight = math.exp(t.prox - t.old)
        if not least <= weight <= most:
            weight = min(max(weight, least), most) if truncate else 0.0
        value, slope = surrogate(math.exp(t.new - t.prox), t.credit, 0.2, 0.2)
        found.append((weight * value, weight * slope))
    return found


def dppo(tokens: list[Token], low: float, high: float, pull: float) -> Told:
    found = []
    for t in tokens:
        moved, ratio = math.exp(t.new) - math.exp(t.old), math.exp(t.new - t.old)
        left_out = moved > high if t.credit > 0 else moved < -low and t.credit < 0
        value = 0.0 if left_out else -ratio * t.credit
        gap = t.new - t.old
        found.append((value + pull * gap * gap, value + 2 * pull * gap))
    return found


def kl(tokens: list[Token], kind: str) -> Told:
    found = []
    for t in tokens:
        d = t.new - t.ref
        if kind == "k1":
            found.append((d, 1.0))
        elif kind == "k2":
            found.append((d * d / 2, d))
        elif d >= -3:
            found.append((math.exp(-d) - 1 + d, 1 - math.exp(-d)))
        else:  # the tangent at -3
            slope = 1 - math.exp(3)
            found.append((math.exp(3) - 4 + slope * (d + 3), slope))
    return found


REFERENCES: list[tuple[str, dict[str, Any], Callable[[list[Token]], Told]]] = [
    ("clip", {}, lambda t: clip(t, 0.2, 0.2)),
    ("clip", {"low": 0.1, "high": 0.4, "dual": 2.0}, lambda t: clip(t, 0.1, 0.4, 2.0)),
    ("dapo", {}, lambda t: clip(t, 0.2, 0.28)),
    ("gspo", {"low": 0.1, "high": 0.2}, lambda t: gspo(t, 0.1, 0.2)),
    ("cispo", {}, lambda t: cispo(t, 1.0, 4.0)),
    ("cispo", {"low": 0.3, "high": 0.5}, lambda t: cispo(t, 0.3, 0.5)),
    ("decoupled", {}, lambda t: decoupled(t, 0.0, 5.0, False)),
    ("tis", {}, lambda t: decoupled(t, 0.0, 2.0, True)),
    ("icepop", {}, lambda t: decoupled(t, 0.5, 5.0, False)),
    ("dppo_tv", {"pull": 0.1}, lambda t: dppo(t, 0.2, 0.2, 0.1)),
    ("kl", {"kind": "k1"}, lambda t: kl(t, "k1")),
    ("kl", {"kind": "k2"}, lambda t: kl(t, "k2")),
    ("kl", {"kind": "k3"}, lambda t: kl(t, "k3")),
    ("sft", {}, lambda tokens: [(-t.new, -1.0) for t in tokens]),
]


def random_tokens(chance: Random) -> list[Token]:
    tokens = []
    for _ in range(chance.randint(1, 24)):
        new, width = -chance.expovariate(1.0), chance.choice([0.05, 0.5, 3.0])
        old, prox, ref = (min(new + chance.gauss(0, width), 0.0) for _ in range(3))
        credit = chance.choice([0.0, chance.gauss(0, 1), chance.gauss(0, 1)])
        tokens.append(Token(new, old, prox, ref, credit, chance.randrange(4)))
    return tokens


@pytest.mark.parametrize(("name", "options", "reference"), REFERENCES)
@settings(max_examples=60)
@given(chance=chances)
def test_losses_and_gradients(
    name: str, options: dict[str, Any], reference: Callable[[list[Token]], Told], chance: Random
) -> None:
    tokens = random_tokens(chance)
    new, old, prox, ref, credit = (
        torch.tensor([getattr(t, field) for t in tokens], dtype=torch.float64)
        for field in ("new", "old", "prox", "ref", "credit")
    )
    new.requires_grad_()
    loss = PLUGINS["loss"][name](**options)
    assert isinstance(loss, Loss)
    episode = torch.tensor([t.episode for t in tokens])
    values, _ = loss(LossInputs(new, old, ref, credit, episode, prox))
    values.sum().backward()
    assert new.grad is not None
    wanted = reference(tokens)
    torch.testing.assert_close(
        values.detach(), torch.tensor([v for v, _ in wanted], dtype=torch.float64)
    )
    torch.testing.assert_close(new.grad, torch.tensor([g for _, g in wanted], dtype=torch.float64))
