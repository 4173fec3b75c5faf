"""Random groups for the references, and what they hold as plain lists."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import numpy as np

from envgym.task import Task
from envgym.trainers.collection.samples import Group, Sample
from envgym.trainers.rewards import EnvironmentReward
from envgym.trajectory import Episode, Span, Trajectory, Turn

REWARDS = (0.0, 0.0, 0.0, 1.0, 0.5, -0.3, 0.1, 2.0)


@dataclass
class Played:
    """One episode as plain lists.

    Attributes:
        total: Sum of the rewards.
        rewards: One list per turn, one number per token: a turn's reward on its last token, or,
            for a turn without tokens, on the token before it, or on the first of all.
        values, norms: One list per turn, one number per token.
        anchors: Name of each turn's state.
        parts: Rewards by name.
    """

    total: float
    rewards: list[list[float]]
    values: list[list[float]]
    norms: list[list[float]]
    anchors: list[str]
    parts: dict[str, float]


def random_groups(chance: Random, least: float = -1.0) -> list[Group]:
    """1 to 4 groups of 1 to 6 episodes of 1 to 5 turns of 0 to 4 tokens, with rewards."""
    groups = [
        [_sample(chance, f"g{number}", least) for _ in range(chance.randint(1, 6))]
        for number in range(chance.randint(1, 4))
    ]
    EnvironmentReward()(groups)
    for sample in (s for group in groups for s in group):
        sample.add_reward("form", max(chance.choice(REWARDS), least))
    return groups


def _sample(chance: Random, group: str, least: float) -> Sample:
    turns = []
    for index in range(chance.randint(1, 5)):
        action = [chance.randrange(40) for _ in range(chance.randint(0, 4))]
        turn = Turn([Span("user", [chance.randrange(40)])], action, restart=chance.random() < 0.3)
        turn.reward = max(chance.choice(REWARDS), least)
        turn.anchor = f"state {chance.randrange(4)}"
        turn.restart &= index > 0
        turns.append(turn)
    if not any(turn.action for turn in turns):
        chance.choice(turns).action.append(1)
    made = Episode("e", "t-v0", Task({}), 0, group, trajectories={"agent": Trajectory("a", turns)})
    sample = Sample(made, made.trajectory)
    sample.value = [np.array([chance.gauss(0, 1) for _ in t.action], np.float32) for t in turns]
    sample.norms = [np.array([chance.random() for _ in t.action], np.float32) for t in turns]
    return sample


def as_lists(groups: list[Group]) -> list[list[Played]]:
    """The groups as plain lists."""
    return [[_played(sample) for sample in group] for group in groups]


def _played(sample: Sample) -> Played:
    turns = sample.trajectory.turns
    rewards = [[0.0] * len(turn.action) for turn in turns]
    spoken = [k for k, turn in enumerate(turns) if turn.action]
    for k, turn in enumerate(turns):
        before = [j for j in spoken if j <= k]
        if before:
            rewards[before[-1]][-1] += turn.reward
        else:
            rewards[spoken[0]][0] += turn.reward
    # What is no turn's own falls on the last turn, as a turn's reward does.
    rewards[spoken[-1]][-1] += sample.components["form"]
    assert sample.value is not None
    assert sample.norms is not None
    return Played(
        total=sum(turn.reward for turn in turns) + sample.components["form"],
        rewards=rewards,
        values=[v.tolist() for v in sample.value],
        norms=[n.tolist() for n in sample.norms],
        anchors=[turn.anchor or "" for turn in turns],
        parts=dict(sample.components),
    )
