"""Sanity checks that stop a broken run; each error names the fault, its place and the fix.

A run that goes on with a reward that is not finite, or with nothing to learn from, wastes hours.
The last checkpoint is whole whenever a check raises.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from envgym.trainers.collection.samples import Group, Sample
from envgym.trainers.config import Config
from envgym.trainers.learner.policy import TrainingError


def check_played(groups: Sequence[Group]) -> None:
    """Check that the environment's rewards and scores are finite.

    Raises:
        TrainingError: A turn's reward or a score is not finite.
    """
    for sample in (s for group in groups for s in group):
        episode, seat = sample.episode, sample.trajectory.seat
        given = {f"reward in turn {i}": t.reward for i, t in enumerate(sample.trajectory.turns)}
        for what, value in {**given, "score": episode.score}.items():
            if not math.isfinite(value):
                raise TrainingError(
                    f"{episode.env} gave a {what} of {value} (episode {episode.id}, seat {seat}, "
                    f"seed {episode.seed}): fix the environment's step; the last checkpoint is "
                    "whole"
                )


def check_rewards(groups: Sequence[Group], by: str) -> None:
    """Check that every sample's reward is finite, after the reward plug-in named `by`.

    Raises:
        TrainingError: A reward is not finite.
    """
    for sample in (s for group in groups for s in group):
        if not math.isfinite(sample.reward):
            raise TrainingError(
                f"reward {by!r} made the reward of episode {sample.episode.id} (seat "
                f"{sample.trajectory.seat}) {sample.reward}: look at its settings, or leave it out "
                "of rewards; the last checkpoint is whole"
            )


def check_advantages(groups: Sequence[Group], by: str) -> None:
    """Check that every advantage is finite.

    Raises:
        TrainingError: An advantage is not finite.
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
    """Error for a step whose batches all had a zero gradient."""
    samples = [sample for group in groups for sample in group]
    allow = "or let it happen (learner.max_idle_steps); the last checkpoint is whole"
    if not any(batches):
        skipped = all(sample.skip for sample in samples)
        name = config.advantage.name if skipped else config.batching.name
        return TrainingError(
            f"step {step}: {'advantage' if skipped else 'batching'} {name!r} left none of the "
            f"{len(samples)} samples that the step played: relax its settings, {allow}"
        )
    rewards = {sample.reward for sample in samples}
    equal = sum(len({s.reward for s in group}) == 1 for group in groups)
    what = f"all {rewards.pop():g}" if len(rewards) == 1 else "of several values"
    return TrainingError(
        f"step {step}: every advantage is 0: rewards ({what}) are equal within {equal} of "
        f"{len(groups)} groups: take easier or harder tasks (env), larger groups "
        "(rollout.group_size), more of them (rollout.tasks_per_step, rollout.dynamic_rounds), "
        f"{allow}"
    )
