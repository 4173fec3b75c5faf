from __future__ import annotations

import pytest

from envgym.rollout.runner import RolloutResult
from envgym.trainers.advantages.grpo import Grpo
from envgym.trainers.collection.samples import Sample
from envgym.trainers.running.metrics import of_groups, time_split
from tests.trainers.helpers import episode


def groups_of(*rewards: list[float]) -> list[list[Sample]]:
    return [
        [
            Sample(e, e.trajectory, reward)
            for reward in group
            for e in [episode([([1], [2, 3])], score=reward, group=f"g{index}", logprob=-0.5)]
        ]
        for index, group in enumerate(rewards)
    ]


def test_standard_errors_are_over_groups_and_entropy_is_of_sampled_tokens() -> None:
    groups = groups_of([0.0, 1.0], [1.0, 1.0], [0.0, 0.0])
    result = RolloutResult([s.episode for g in groups for s in g])
    report = of_groups(groups, result)
    # means of groups 0.5, 1, 0: standard deviation 0.5, over the root of 3
    assert report["score_stderr"] == pytest.approx(0.5 / 3**0.5)
    assert report["reward_stderr"] == report["score_stderr"]
    assert report["episode/entropy"] == 0.5
    assert report["group/reward_std"] == pytest.approx(0.5 / 3)


def test_one_group_has_no_standard_error() -> None:
    groups = groups_of([0.0, 1.0])
    report = of_groups(groups, RolloutResult([s.episode for s in groups[0]]))
    assert report["score_stderr"] == 0.0


def test_the_rollouts_seconds_are_shared_out_as_episodes_spent_theirs() -> None:
    played = [episode([([1], [2])]) for _ in range(2)]
    played[0].agent_s, played[0].env_s = 3.0, 1.0
    played[1].agent_s, played[1].env_s = 3.0, 1.0
    split = time_split(RolloutResult(played, wall_s=4.0))
    assert split == {"time/generate_s": pytest.approx(3.0), "time/tools_s": pytest.approx(1.0)}
    assert set(time_split(RolloutResult()).values()) == {0.0}


def test_advantages_are_written_into_the_turns() -> None:
    groups = groups_of([0.0, 1.0])
    Grpo(std="none")(groups)
    for sample in groups[0]:
        sample.record_advantages()
    low, high = (s.trajectory.turns[0].advantages for s in groups[0])
    assert (low, high) == ([-0.5, -0.5], [0.5, 0.5])
