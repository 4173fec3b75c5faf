"""Advantages against plain loops over lists, written from the papers' formulas."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from envgym.trainers.advantages import Advantage
from envgym.trainers.plugin import PLUGINS
from tests.trainers.references.batches import Played, as_lists, random_groups
from tests.trainers.strategies import chances

Groups = list[list[Played]]
Credit = list[list[list[float]]]
"""For each episode, of one group after another, one list per turn, one number per token."""


def mean(numbers: list[float]) -> float:
    return sum(numbers) / len(numbers)


def spread(numbers: list[float]) -> float:
    """Unbiased deviation; 0 of one number, and of numbers that are equal up to rounding."""
    if len(numbers) < 2 or equal(numbers):
        return 0.0
    return math.sqrt(sum((n - mean(numbers)) ** 2 for n in numbers) / (len(numbers) - 1))


def equal(numbers: list[float]) -> bool:
    return max(numbers) - min(numbers) <= 1e-9 * max(abs(n) for n in numbers)


def everywhere(episode: Played, number: float) -> list[list[float]]:
    return [[number] * len(turn) for turn in episode.rewards]


def by_turns(episode: Played, numbers: list[float]) -> list[list[float]]:
    return [[n] * len(turn) for n, turn in zip(numbers, episode.rewards, strict=True)]


def shaped(episode: Played, numbers: list[float]) -> list[list[float]]:
    left = iter(numbers)
    return [[next(left) for _ in turn] for turn in episode.rewards]


def flat(parts: list[list[float]]) -> list[float]:
    return [number for part in parts for number in part]


def to_go(rewards: list[float], gamma: float) -> list[float]:
    return [
        sum(gamma ** (j - k) * rewards[j] for j in range(k, len(rewards)))
        for k in range(len(rewards))
    ]


def turn_rewards(episode: Played) -> list[float]:
    return [sum(turn) for turn in episode.rewards]


def estimates(rewards: list[float], values: list[float], gamma: float, lam: float) -> list[float]:
    """GAE as its infinite sum: the values after the end are 0."""
    known = [*values, 0.0]
    errors = [rewards[t] + gamma * known[t + 1] - known[t] for t in range(len(rewards))]
    return to_go(errors, gamma * lam)


def whitened(credit: Credit) -> Credit:
    numbers = [number for episode in credit for turn in episode for number in turn]
    middle, deviation = mean(numbers), spread(numbers)
    if max(numbers) - min(numbers) <= 1e-6 * max(abs(n) for n in numbers):
        return [[[0.0] * len(turn) for turn in episode] for episode in credit]
    return [[[(n - middle) / deviation for n in t] for t in episode] for episode in credit]


# --- whole episodes -----------------------------------------------------------------------------


def group_relative(groups: Groups, std: str) -> Credit:
    everyone = [episode.total for group in groups for episode in group]
    found = []
    for group in groups:
        totals = [episode.total for episode in group]
        for episode in group:
            divisor = {
                "group": spread(totals) + 1e-4,
                "batch": spread(everyone) + 1e-4,
                "none": 1.0,
            }[std]
            own = 0.0 if equal(totals) else (episode.total - mean(totals)) / divisor
            found.append(everywhere(episode, own))
    return found


def leave_one_out(groups: Groups) -> Credit:
    found = []
    for group in groups:
        for index, episode in enumerate(group):
            others = [e.total for i, e in enumerate(group) if i != index]
            found.append(everywhere(episode, episode.total - mean(others) if others else 0.0))
    return found


def over_the_mean(groups: Groups) -> Credit:
    found = []
    for group in groups:
        totals = [episode.total for episode in group]
        for episode in group:
            usable = min(totals) >= 0 and sum(totals) > 0 and not equal(totals)
            own = episode.total / mean(totals) - 1 if usable else 0.0
            found.append(everywhere(episode, own))
    return found


def parts_by_themselves(groups: Groups, weights: dict[str, float]) -> Credit:
    sums = []
    for group in groups:
        for episode in group:
            own = 0.0
            for name in ("environment", "form"):
                parts = [e.parts[name] for e in group]
                if not equal(parts):
                    z = (episode.parts[name] - mean(parts)) / (spread(parts) + 1e-4)
                    own += weights.get(name, 1.0) * z
            sums.append(own)
    everyone = [episode for group in groups for episode in group]
    scale = spread(sums) + 1e-4
    return [everywhere(e, own / scale) for e, own in zip(everyone, sums, strict=True)]


def whitened_group_means(groups: Groups) -> Credit:
    credit, compared = [], []
    for group in groups:
        totals = [episode.total for episode in group]
        for episode in group:
            credit.append(everywhere(episode, episode.total - mean(totals)))
            compared.append(not equal(totals))
    used = [one for one, differs in zip(credit, compared, strict=True) if differs]
    white = iter(whitened(used)) if used else iter(())
    return [
        next(white) if differs else [[0.0] * len(turn) for turn in one]
        for one, differs in zip(credit, compared, strict=True)
    ]


# --- turns and tokens ---------------------------------------------------------------------------


def white_returns(groups: Groups, gamma: float) -> Credit:
    return whitened([shaped(e, to_go(flat(e.rewards), gamma)) for group in groups for e in group])


def last_compared(members: list[list[float]], weights: list[list[float]]) -> list[float]:
    """Weighted mean at each position, of two members or more; then the last such mean."""
    baseline: list[float] = []
    for position in range(max(map(len, members))):
        there = [i for i, member in enumerate(members) if position < len(member)]
        if len(there) > 1 or not baseline:
            weight = [weights[i][position] for i in there]
            total = sum(w * members[i][position] for i, w in zip(there, weight, strict=True))
            baseline.append(total / sum(weight))
        else:
            baseline.append(baseline[-1])
    return baseline


def turn_returns(groups: Groups, gamma: float) -> Credit:
    found = []
    for group in groups:
        returns = [to_go(turn_rewards(episode), gamma) for episode in group]
        baseline = last_compared(returns, [[1.0] * len(r) for r in returns])
        for episode, own in zip(group, returns, strict=True):
            less = [r - b for r, b in zip(own, baseline, strict=False)]
            found.append(by_turns(episode, less if len(group) > 1 else [0.0] * len(own)))
    return found


def optimal_baseline(groups: Groups) -> Credit:
    found = []
    for group in groups:
        returns = [to_go(flat(episode.rewards), 1.0) for episode in group]
        energies = []
        for episode in group:
            norms = flat(episode.norms)
            energies.append([max(sum(norms[: t + 1]), 1e-8) for t in range(len(norms))])
        baseline = last_compared(returns, energies)
        for episode, own in zip(group, returns, strict=True):
            less = [r - b for r, b in zip(own, baseline, strict=False)]
            found.append(shaped(episode, less if len(group) > 1 else [0.0] * len(own)))
    return found


def by_state(groups: Groups, std: str, gamma: float, omega: float) -> Credit:
    outcomes = group_relative(groups, std)
    found: Credit = []
    for group in groups:
        met: dict[str, list[float]] = {}
        returns = [to_go(turn_rewards(episode), gamma) for episode in group]
        for episode, own in zip(group, returns, strict=True):
            for name, number in zip(episode.anchors, own, strict=True):
                met.setdefault(name, []).append(number)
        for episode, own in zip(group, returns, strict=True):
            outcome = flat(outcomes[len(found)])[0]
            credit = []
            for name, number in zip(episode.anchors, own, strict=True):
                seen = met[name]
                step = 0.0
                if len(group) > 1 and len(seen) > 1 and not equal(seen):
                    step = (number - mean(seen)) / (spread(seen) + 1e-4 if std == "group" else 1.0)
                credit.append(outcome + omega * step)
            found.append(by_turns(episode, credit))
    return found


# --- critics ------------------------------------------------------------------------------------

Estimated = tuple[list[list[float]], list[list[float]]]
"""Advantages and targets of one episode; a target is None where a token has none."""


def token_gae(episode: Played, gamma: float, lam: float) -> Estimated:
    values = flat(episode.values)
    found = estimates(flat(episode.rewards), values, gamma, lam)
    targets = [a + v for a, v in zip(found, values, strict=True)]
    return shaped(episode, found), shaped(episode, targets)


def turn_values(episode: Played, at: str) -> list[float]:
    """Value at each turn's first or last token; a silent turn's at the next token, or 0."""
    found = []
    for k, turn in enumerate(episode.values):
        later = flat(episode.values[k + 1 :])
        silent = later[0] if later else 0.0
        found.append((turn[0] if at == "first" else turn[-1]) if turn else silent)
    return found


def turns_gae(episode: Played, at: str, gamma: float, lam: float) -> Estimated:
    values = turn_values(episode, at)
    found = estimates(turn_rewards(episode), values, gamma, lam)
    targets = [[math.nan] * len(turn) for turn in episode.rewards]
    for k, turn in enumerate(targets):
        if turn:
            turn[0 if at == "first" else -1] = found[k] + values[k]
    return by_turns(episode, found), targets


def two_levels(
    episode: Played, gamma: float, lam: float, token_gamma: float, token_lam: float
) -> Estimated:
    ends = turn_values(episode, "last")
    turns = estimates(turn_rewards(episode), ends, gamma, lam)
    credit, targets = [], []
    for values, advantage, end in zip(episode.values, turns, ends, strict=True):
        rewards = [0.0] * len(values)
        if values:
            rewards[-1] = advantage + end
        own = estimates(rewards, values, token_gamma, token_lam)
        credit.append(own)
        targets.append([a + v for a, v in zip(own, values, strict=True)])
    return credit, targets


# --- the comparison -----------------------------------------------------------------------------


def advantage(name: str, settings: dict[str, Any]) -> Advantage:
    made = PLUGINS["advantage"][name](**settings)
    assert isinstance(made, Advantage)
    return made


def same(found: list[list[np.ndarray]], wanted: Credit) -> None:
    """Equal up to float32's rounding, relative to the batch's largest number."""
    one = np.array([n for sample in found for part in sample for n in part.tolist()])
    two = np.array([n for sample in wanted for part in sample for n in part])
    assert [[len(p) for p in s] for s in found] == [[len(p) for p in s] for s in wanted]
    assert (np.isnan(one) == np.isnan(two)).all()
    largest = np.nanmax(np.abs(two), initial=0.0)
    np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-5 * largest + 1e-9)


WITHOUT_VALUES: list[tuple[str, dict[str, Any], Callable[[Groups], Credit]]] = [
    ("grpo", {}, lambda g: group_relative(g, "group")),
    ("grpo", {"std": "batch"}, lambda g: group_relative(g, "batch")),
    ("grpo", {"std": "none"}, lambda g: group_relative(g, "none")),
    ("dr_grpo", {}, lambda g: group_relative(g, "none")),
    ("lite_ppo", {}, lambda g: group_relative(g, "batch")),
    ("rloo", {}, leave_one_out),
    ("gdpo", {}, lambda g: parts_by_themselves(g, {})),
    ("gdpo", {"weights": {"form": 3.0}}, lambda g: parts_by_themselves(g, {"form": 3.0})),
    ("reinforce++", {}, lambda g: white_returns(g, 1.0)),
    ("reinforce++", {"gamma": 0.9}, lambda g: white_returns(g, 0.9)),
    ("reinforce++-baseline", {}, whitened_group_means),
    ("turn_returns", {}, lambda g: turn_returns(g, 1.0)),
    ("turn_returns", {"gamma": 0.8}, lambda g: turn_returns(g, 0.8)),
    ("otb", {}, optimal_baseline),
    ("gigpo", {}, lambda g: by_state(g, "group", 0.95, 1.0)),
    ("gigpo", {"std": "none", "omega": 0.5}, lambda g: by_state(g, "none", 0.95, 0.5)),
]


@pytest.mark.parametrize(("name", "options", "reference"), WITHOUT_VALUES)
@settings(max_examples=40)
@given(chance=chances)
def test_advantages(
    name: str, options: dict[str, Any], reference: Callable[[Groups], Credit], chance: Random
) -> None:
    groups = random_groups(chance)
    advantage(name, options)(groups)
    same([s.advantages for group in groups for s in group], reference(as_lists(groups)))


@settings(max_examples=60)
@given(chance=chances)
def test_maxrl(chance: Random) -> None:
    groups = random_groups(chance, chance.choice([0.0, 0.0, -1.0]))
    advantage("maxrl", {})(groups)
    same([s.advantages for group in groups for s in group], over_the_mean(as_lists(groups)))


WITH_VALUES: list[tuple[str, dict[str, Any], Callable[[Played], Estimated]]] = [
    ("gae", {}, lambda e: token_gae(e, 1.0, 1.0)),
    ("gae", {"gamma": 0.9, "lam": 0.8}, lambda e: token_gae(e, 0.9, 0.8)),
    ("turn_gae", {}, lambda e: turns_gae(e, "first", 1.0, 1.0)),
    (
        "turn_gae",
        {"at": "last", "gamma": 0.9, "lam": 0.7},
        lambda e: turns_gae(e, "last", 0.9, 0.7),
    ),
    ("bi_level_gae", {}, lambda e: two_levels(e, 0.95, 1.0, 1.0, 1.0)),
    (
        "bi_level_gae",
        {"gamma": 0.9, "lam": 0.8, "token_gamma": 0.95, "token_lam": 0.6},
        lambda e: two_levels(e, 0.9, 0.8, 0.95, 0.6),
    ),
]


@pytest.mark.parametrize("white", [False, True])
@pytest.mark.parametrize(("name", "options", "reference"), WITH_VALUES)
@settings(max_examples=40)
@given(chance=chances)
def test_advantages_with_values(
    name: str,
    options: dict[str, Any],
    reference: Callable[[Played], Estimated],
    white: bool,
    chance: Random,
) -> None:
    groups = random_groups(chance)
    advantage(name, {**options, "whiten": white})(groups)
    wanted = [reference(episode) for group in as_lists(groups) for episode in group]
    credit = [found for found, _ in wanted]
    samples = [sample for group in groups for sample in group]
    same([s.advantages for s in samples], whitened(credit) if white else credit)
    same([s.returns for s in samples], [targets for _, targets in wanted])
