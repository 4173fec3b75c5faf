"""What stops a run before it does harm: each says what is wrong, where, and what to change.

A run that goes on with a reward that is no number, or with nothing to learn from, costs its hours
and shows it at the end, if at all. The last checkpoint is whole whenever one of these is raised.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from envgym.trainers.batch import Group, Sample
from envgym.trainers.config import Config
from envgym.trainers.policy import TrainingError


def check_rewards(groups: Sequence[Group], by: str) -> None:
    """See that every reward is a number, after the reward plug-in called `by`.

    Raises:
        TrainingError: One is not.
    """
    for sample in (s for group in groups for s in group):
        if not math.isfinite(sample.reward):
            turns = [turn.reward for turn in sample.trajectory.turns]
            broken = [i for i, reward in enumerate(turns) if not math.isfinite(reward)]
            source = f"the environment gave it in turn {broken[0]}" if broken else "it came there"
            raise TrainingError(
                f"the reward of episode {sample.episode.id} (seat {sample.trajectory.seat}) is "
                f"{sample.reward} after reward {by!r}; {source}: mend it there, or leave {by!r} "
                "out of rewards; the last checkpoint is whole"
            )


def check_advantages(groups: Sequence[Group], by: str) -> None:
    """See that every advantage is a number.

    Raises:
        TrainingError: One is not.
    """
    for sample in (s for group in groups for s in group):
        for index, advantage in enumerate(sample.advantages):
            if not np.isfinite(advantage).all():
                raise TrainingError(
                    f"advantage {by!r} is not finite in turn {index} of episode "
                    f"{sample.episode.id} whose reward is {sample.reward:g}: look at its settings "
                    "(an eps of 0?) and at the scale of the rewards; the last checkpoint is whole"
                )


def nothing_learnt(
    groups: Sequence[Group], batches: Sequence[Sequence[Sample]], config: Config, step: int
) -> TrainingError:
    """The error of a step none of whose batches changed anything."""
    samples = sum(map(len, groups))
    allow = "or let it happen (learner.idle_steps); the last checkpoint is whole"
    if not any(batches):
        return TrainingError(
            f"step {step}: composer {config.composer.name!r} left none of the {samples} samples "
            f"that the step played: relax its settings, {allow}"
        )
    rewards = {s.reward for group in groups for s in group}
    equal = sum(len({s.reward for s in group}) == 1 for group in groups)
    what = f"all {rewards.pop():g}" if len(rewards) == 1 else "of several values"
    return TrainingError(
        f"step {step}: every advantage is 0: rewards ({what}) are equal within {equal} of "
        f"{len(groups)} groups: take easier or harder tasks (env), larger groups "
        f"(rollout.group_size), more of them (rollout.groups, rollout.dynamic_rounds), {allow}"
    )
