"""What no method and no layout may change, over random episodes: credit, weights, statistics."""

from __future__ import annotations

from collections import defaultdict
from random import Random
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envgym.errors import UsageError
from envgym.trainers.advantages import Advantage, Grpo
from envgym.trainers.collection.samples import Sample
from envgym.trainers.learner.rows import TrainRow, train_rows
from envgym.trainers.losses.base import Denominator, token_weights
from envgym.trainers.plugin import PLUGINS
from envgym.trajectory import Episode, Span, Trajectory, Turn, rows
from tests.trainers.helpers import episode
from tests.trainers.strategies import (
    VOCAB,
    chances,
    changed,
    groups_of_episodes,
    informed,
    rewarded,
    samples_of,
    turns_of,
)

STDS = ("group", "batch", "none")
every_advantage = pytest.mark.parametrize("name", sorted(PLUGINS["advantage"]))
every_std = pytest.mark.parametrize("std", STDS)
Episodes = list[Episode]
some = settings(max_examples=40)
few = settings(max_examples=8)  # of each of many methods


def credited(episodes: Episodes, name: str = "grpo", **settings: Any) -> list[Sample]:
    """Samples of the episodes with the advantages of a method."""
    groups = rewarded(episodes)
    method = PLUGINS["advantage"][name](**settings)
    assert isinstance(method, Advantage)
    method(informed(groups))
    return samples_of(groups)


def credit(samples: list[Sample]) -> list[list[list[float]]]:
    return [[turn.tolist() for turn in sample.advantages] for sample in samples]


def by_turn(compiled: list[TrainRow]) -> dict[tuple[int, int], list[tuple[float, float, int]]]:
    """Advantage, weight and id of each action token, by sample and turn."""
    found: dict[tuple[int, int], list[tuple[float, float, int]]] = defaultdict(list)
    for item in compiled:
        for at in np.flatnonzero(item.row.mask):
            token = float(item.advantage[at]), float(item.weight[at]), int(item.row.ids[at])
            found[item.sample, int(item.row.turn[at])].append(token)
    return found


@every_advantage
@few
@given(episodes=groups_of_episodes(), chance=chances)
def test_context_between_actions_changes_no_advantage(
    name: str, episodes: Episodes, chance: Random
) -> None:
    longer = changed(episodes)
    for turn in turns_of(longer):
        ids = [chance.randrange(VOCAB) for _ in range(chance.randrange(6))]
        place = chance.randint(0, len(turn.context))
        turn.context.insert(place, Span(chance.choice(("tool", "user")), ids))
    before, after = credited(episodes, name), credited(longer, name)
    assert credit(before) == credit(after)
    weights = [0.5] * len(before)
    assert by_turn(train_rows(before, weights)) == by_turn(train_rows(after, weights))


@every_advantage
@few
@given(
    episodes=groups_of_episodes(),
    chance=chances,
    denominator=st.sampled_from(get_args(Denominator)),
)
def test_splitting_into_rows_changes_no_credit_and_no_weight(
    name: str, denominator: Denominator, episodes: Episodes, chance: Random
) -> None:
    split = changed(episodes)
    for turn in turns_of(split):
        turn.restart = chance.random() < 0.5
        turn.context.insert(0, Span("user", [chance.randrange(VOCAB)]))  # a row begins with context
    layouts = [
        by_turn(train_rows(samples, token_weights(samples, denominator, 7.0)))
        for samples in (credited(episodes, name), credited(split, name))
    ]
    assert layouts[0] == layouts[1]


@some
@given(groups_of_episodes())
def test_each_action_token_is_trained_once(episodes: Episodes) -> None:
    samples = samples_of(rewarded(episodes))
    number = 0
    for sample in samples:
        for turn in sample.trajectory.turns:
            marks = np.arange(number + 1, number + 1 + len(turn.action), dtype=np.float32)
            sample.advantages.append(marks)
            number += len(turn.action)
    compiled = train_rows(samples, [1.0] * len(samples))
    found = by_turn(compiled)
    marked = [
        (advantage, turn.action[i])
        for index, sample in enumerate(samples)
        for t, turn in enumerate(sample.trajectory.turns)
        for i, (advantage, _, token) in enumerate(found[index, t])
        if token == turn.action[i]
    ]
    assert [advantage for advantage, _ in marked] == list(range(1, number + 1))
    for item in compiled:
        assert not item.advantage[~item.row.mask].any()
        assert not item.weight[~item.row.mask].any()


@pytest.mark.parametrize("denominator", get_args(Denominator))
@some
@given(episodes=groups_of_episodes())
def test_weights_are_what_the_denominator_says(
    denominator: Denominator, episodes: Episodes
) -> None:
    samples = samples_of(rewarded(episodes))
    compiled = train_rows(samples, token_weights(samples, denominator, 7.0))
    sums = np.zeros(len(samples))
    for item in compiled:
        sums[item.sample] += item.weight.sum()
    lengths = np.array([s.tokens for s in samples])
    wanted = {
        "token": lengths / lengths.sum(),
        "sequence": np.full(len(samples), 1 / len(samples)),
        "constant": lengths / (7.0 * len(samples)),
    }[denominator]
    np.testing.assert_allclose(sums, wanted, rtol=1e-5)


@every_std
@some
@given(episodes=groups_of_episodes(seats=1), chance=chances)
def test_group_statistics_count_an_episode_once(
    std: str, episodes: Episodes, chance: Random
) -> None:
    """However many turns, rows and seats it has."""
    before = credited(episodes, std=std)
    longer = changed(episodes)
    for made in longer:
        for _ in range(chance.randrange(5)):
            made.trajectory.turns.append(Turn([Span("user", [1])], [2], restart=True))
    seated = changed(longer)
    for made in seated:
        more = Turn([Span("user", [1])], [2, 3], reward=chance.random())
        made.trajectories["another"] = Trajectory("another", [more])
    for others in (longer, seated) if std != "batch" else (longer,):
        after = [s for s in credited(others, std=std) if s.trajectory.seat != "another"]
        assert [c[0][0] for c in credit(after)] == [c[0][0] for c in credit(before)]


@every_std
@some
@given(episodes=groups_of_episodes(seats=1))
def test_a_reward_counts_the_same_on_every_turn(std: str, episodes: Episodes) -> None:
    """Turns of reward zero, all of them or any, lose no token and move no credit."""
    moved = changed(episodes)
    for made in moved:
        total = made.reward
        for turn in made.turns:
            turn.reward = 0.0
        made.turns[0].reward = total
    assert credit(credited(moved, std=std)) == credit(credited(episodes, std=std))


@every_std
@some
@given(episodes=groups_of_episodes())
def test_an_episode_of_zeros_is_an_episode(std: str, episodes: Episodes) -> None:
    for turn in turns_of(episodes):
        turn.reward = 0.0
    for sample in credited(episodes, std=std):
        assert [a.tolist() for a in sample.advantages] == [
            [0.0] * len(turn.action) for turn in sample.trajectory.turns
        ]


@every_std
@some
@given(episodes=groups_of_episodes(size=1), reward=st.floats(-1e3, 1e3))
def test_a_group_of_one_has_no_advantage(std: str, episodes: Episodes, reward: float) -> None:
    for made in episodes:
        made.turns[-1].reward += reward
    assert not any(np.any(a) for s in credited(episodes, std=std) for a in s.advantages)


@every_std
@pytest.mark.parametrize("eps", [0.0, 1e-4])
@given(reward=st.floats(-1e3, 1e3), size=st.integers(1, 9))
def test_equal_rewards_have_no_advantage(std: str, eps: float, reward: float, size: int) -> None:
    """To the last bit: the mean of three times 0.1 is not 0.1, and an eps of 0 would enlarge it."""
    same = [episode([([1], [2])], reward=reward) for _ in range(size)]
    assert not any(np.any(s.advantages) for s in credited(same, std=std, eps=eps))


@every_std
@some
@given(episodes=groups_of_episodes(), data=st.data())
def test_the_order_of_episodes_changes_nothing(
    std: str, episodes: Episodes, data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(episodes))
    before, after = credited(episodes, std=std), credited(shuffled, std=std)
    found = {(s.episode.id, s.trajectory.seat): s.advantages[0][0] for s in after}
    for sample in before:
        key = (sample.episode.id, sample.trajectory.seat)
        assert found[key] == pytest.approx(sample.advantages[0][0], rel=1e-5, abs=1e-9)


@some
@given(groups_of_episodes())
def test_dropping_hints_gives_the_target_context(episodes: Episodes) -> None:
    unguided = changed(episodes)
    for turn in turns_of(unguided):
        turn.context = [span for span in turn.context if span.kind != "hint"]
    samples = samples_of(rewarded(episodes))
    plain = [row for s in samples_of(rewarded(unguided)) for row in rows(s.trajectory)]
    compiled = train_rows(samples, [1.0] * len(samples))
    for item, row in zip(compiled, plain, strict=True):
        assert item.row.ids.tolist() == row.ids.tolist()
        assert item.row.logprobs.tolist() == row.logprobs.tolist()


def test_a_context_of_hints_alone_is_an_error() -> None:
    made = episode([([], [3])])
    made.turns[0].context = [Span("hint", [7])]
    with pytest.raises(UsageError, match="no context"):
        train_rows([Sample(made, made.trajectory)], [1.0])


def test_group_statistics_by_hand_over_rows_and_turns() -> None:
    long = episode([([1], [2])] * 5, reward=1.0, restart=(1, 2, 3, 4))
    samples = credited([long, episode([([1], [2])]), episode([([1], [2])])], eps=0.0)
    # mean 1/3 of three episodes, not 1/7 or 5/7 of seven rows; unbiased std sqrt(1/3)
    assert [s.advantages[0][0] for s in samples] == pytest.approx(
        [2 / 3 * 3**0.5, -(3**0.5) / 3, -(3**0.5) / 3]
    )
    assert Grpo().std == "group"
