"""Dynamic sampling: what is kept, refilled, bounded and counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envgym.errors import Fault
from envgym.rollout.runner import RolloutResult
from envgym.trainers.collection.dynamic_sampling import Collected, collect, refill
from envgym.trainers.collection.samples import Group
from envgym.trainers.config import RolloutSection
from envgym.trainers.learner.policy import TrainingError
from envgym.trainers.loop import as_groups
from envgym.trajectory import Episode, Trajectory
from tests.trainers.helpers import episode

Rewards = list[float]
MIXED, SOLVED, FAILED = [0.0, 1.0], [1.0, 1.0], [0.0, 0.0]


class World:
    """Groups with the rewards that `rewards_of` gives to the i-th task ever played."""

    def __init__(self, rewards_of: Callable[[int], Rewards], *, seats: int = 1) -> None:
        self.rewards_of = rewards_of
        self.seats = seats
        self.rounds: list[int] = []

    async def play(self, count: int, number: int) -> tuple[RolloutResult, list[Group]]:
        first = sum(self.rounds)
        self.rounds.append(count)
        made = [
            self.member(f"{number}.{i}", reward)
            for i in range(count)
            for reward in self.rewards_of(first + i)
        ]
        return RolloutResult(made), as_groups(made)

    def member(self, group: str, reward: float) -> Episode:
        made = episode([([1], [2, 3])], reward=reward, score=reward, group=group)
        for seat in range(1, self.seats):  # of which nothing can be learnt
            turns = episode([([1], [2])]).turns
            made.trajectories[f"seat {seat}"] = Trajectory(f"seat {seat}", turns)
        return made


def rounds(most: int, groups: int = 4, **others: Any) -> RolloutSection:
    return RolloutSection(tasks_per_step=groups, dynamic_rounds=most, **others)


async def test_one_round_keeps_every_group() -> None:
    world = World(lambda i: [MIXED, SOLVED, FAILED][i % 3])
    groups, result = await collect(world.play, rounds(1))
    assert (len(groups), world.rounds, result.wasted_tokens) == (4, [4], 0)


async def test_a_refill_is_as_large_as_the_share_of_useful_groups_asks_for() -> None:
    world = World(lambda i: MIXED if i % 4 == 1 else FAILED)  # one in four
    groups, result = await collect(world.play, rounds(9))
    # 1 of 4 kept: 3 missing ask for 12, no more than 4 a round: 2 of 8, then 3 of 12, then 4 of 16
    assert world.rounds == [4, 4, 4, 4]
    assert [g[0].episode.group for g in groups] == ["0.1", "1.1", "2.1", "3.1"]
    assert result.metrics() == {
        "dynamic/rounds": 4.0,
        "dynamic/played": 16.0,
        "dynamic/kept": 0.25,
        "dynamic/filled": 1.0,
        "dynamic/solved": 0.0,
        "dynamic/failed": 0.75,
        "dynamic/wasted_tokens": 12.0 * 2 * 2,
    }


@pytest.mark.parametrize(
    ("missing", "kept", "played", "wanted"),
    [(8, 0, 0, 8), (8, 0, 8, 8), (2, 6, 8, 3), (1, 7, 8, 2), (4, 4, 8, 8), (4, 8, 24, 8)],
)
def test_refills_by_hand(missing: int, kept: int, played: int, wanted: int) -> None:
    assert refill(missing, kept, played, 8) == wanted


async def test_surplus_is_left_out_and_counted() -> None:
    world = World(lambda i: FAILED if i in (0, 1) else MIXED)
    groups, result = await collect(world.play, rounds(9))
    # 2 of 4 kept: 2 missing ask for 4, all of which are useful: two too many
    assert (world.rounds, len(groups), result.kept, result.played) == ([4, 4], 4, 4, 8)
    assert result.wasted_tokens == 4 * 2 * 2
    assert len(result.episodes) == 16


async def test_the_rounds_are_bounded_and_the_step_trains_on_what_it_found() -> None:
    world = World(lambda i: MIXED if i == 5 else SOLVED)
    groups, result = await collect(world.play, rounds(3))
    assert (world.rounds, len(groups)) == ([4, 4, 4], 1)
    assert result.metrics()["dynamic/filled"] == 0.25
    assert result.metrics()["dynamic/solved"] == pytest.approx(11 / 12)


async def test_seats_are_counted_by_task() -> None:
    world = World(lambda i: MIXED, seats=2)
    groups, result = await collect(world.play, rounds(5))
    assert (world.rounds, len(groups), result.kept) == ([4], 4, 4)
    assert {g[0].trajectory.seat for g in groups} == {"agent"}
    assert result.wasted_tokens == 4 * 2 * 1  # the other seats'


async def test_scores_may_decide_where_shaping_makes_all_rewards_differ() -> None:
    class Shaped(World):
        def member(self, group: str, reward: float) -> Episode:
            made = super().member(group, reward)
            made.score = 1.0
            return made

    by_reward, _ = await collect(Shaped(lambda i: MIXED).play, rounds(2))
    assert len(by_reward) == 4
    with pytest.raises(TrainingError, match=r"all scores equal in each of the 8 .* 8 solved"):
        await collect(Shaped(lambda i: MIXED).play, rounds(2, dynamic_by="score"))


async def test_nothing_left_says_what_and_what_to_change() -> None:
    world = World(lambda i: SOLVED if i < 3 else FAILED)
    with pytest.raises(TrainingError) as told:
        await collect(world.play, rounds(2))
    for part in ("8 that 2 rounds", "5 failed, 3 solved", "rollout.group_size", "checkpoint"):
        assert part in str(told.value)


async def test_a_broken_world_is_a_fault_and_no_equal_reward() -> None:
    async def broken(count: int, number: int) -> tuple[RolloutResult, list[Group]]:
        made = [episode([([1], [2])]) for _ in range(count)]
        for one in made:
            one.fault = "infra: gone"
        return RolloutResult(quarantined=made), []

    with pytest.raises(Fault, match="all 8 broke; the last: infra: gone"):
        await collect(broken, rounds(2))


async def test_prompts_that_do_not_fit_are_named() -> None:
    async def cut(count: int, number: int) -> tuple[RolloutResult, list[Group]]:
        made = [episode([([1], [2])]) for _ in range(count)]
        for one in made:
            one.trajectory.turns.clear()
        return RolloutResult(made), []

    for most in (1, 2):
        with pytest.raises(TrainingError, match=r"none of \d has a turn.*rollout\.max_context"):
            await collect(cut, rounds(most))


@settings(max_examples=60, deadline=None)
@given(
    kinds=st.lists(st.sampled_from([MIXED, SOLVED, FAILED, [1.0]]), min_size=60, max_size=60),
    most=st.integers(2, 5),
    groups=st.integers(1, 5),
)
async def test_what_is_kept_is_useful_bounded_and_adds_up(
    kinds: list[Rewards], most: int, groups: int
) -> None:
    world = World(lambda i: kinds[i])
    try:
        kept, result = await collect(world.play, rounds(most, groups))
    except TrainingError:
        assert MIXED not in kinds[: sum(world.rounds)]
        assert len(world.rounds) == most
        return
    check_sums(kept, result)
    assert all({s.trajectory.reward for s in g} == {0.0, 1.0} for g in kept)
    assert len(kept) <= groups
    assert len(kept) == groups or len(world.rounds) == most
    assert max(world.rounds) <= groups
    assert result.played == sum(world.rounds)


def check_sums(kept: list[Group], result: Collected) -> None:
    trained = sum(s.tokens for g in kept for s in g)
    assert trained + result.wasted_tokens == sum(
        e.trajectory.action_tokens for e in result.episodes
    )


async def test_tasks_that_are_played_with_hints_alone_count_as_played() -> None:
    """One of four is of use: refills ask for more, as they do for plain groups."""
    world = World(lambda i: MIXED if i % 4 == 1 else FAILED)

    async def play(count: int, number: int) -> tuple[RolloutResult, list[Group]]:
        result, _ = await world.play(count, number)
        for made in result.episodes:
            made.role = "guided"
        return result, as_groups(result.episodes)

    _, result = await collect(play, rounds(9))
    assert world.rounds == [4, 4, 4, 4]
    assert (result.played, result.failed) == (16, 12)
