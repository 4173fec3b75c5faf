"""Dynamic sampling (DAPO, arXiv 2503.14476 §3.2): groups whose rewards are all equal are played
anew, on other tasks, until the batch is full.

A group-relative advantage is 0 on such a group, so a batch of them shrinks as the policy gets
better, and its gradient with it. Peers stop the run where tasks are too hard or too easy to fill a
batch, or play one missing group after another. Here a refill is as large as the share of useful
groups so far asks for, the rounds are bounded, a step trains on what it found, and what was played
in vain is counted.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from envgym.errors import Fault
from envgym.rollout.runner import RolloutResult
from envgym.trainers.collection.samples import Group, differs
from envgym.trainers.config import RolloutSection
from envgym.trainers.learner.policy import TrainingError
from envgym.trainers.running.metrics import merge

Play = Callable[[int, int], Awaitable[tuple[RolloutResult, list[Group]]]]
"""Plays a round: of so many tasks, and the how-manieth it is."""


@dataclass
class Collected(RolloutResult):
    """What the rounds of a step played, all together.

    Attributes:
        rounds: How many there were.
        asked: Groups (tasks) that the step was to have.
        played, kept: Groups that were played, and those that are trained on.
        solved, failed: Groups of two or more whose scores are all 1, and all 0.
        wasted_tokens: Tokens sampled in episodes that are not trained on.
    """

    rounds: int = 0
    asked: int = 0
    played: int = 0
    kept: int = 0
    solved: int = 0
    failed: int = 0
    wasted_tokens: int = 0

    def metrics(self) -> dict[str, float]:
        """Figures of the step."""
        played = max(self.played, 1)
        return {
            "dynamic/rounds": float(self.rounds),
            "dynamic/played": float(self.played),
            "dynamic/kept": self.kept / played,
            "dynamic/filled": self.kept / self.asked,
            "dynamic/solved": self.solved / played,
            "dynamic/failed": self.failed / played,
            "dynamic/wasted_tokens": float(self.wasted_tokens),
        }


async def collect(play: Play, settings: RolloutSection) -> tuple[list[Group], Collected]:
    """Play rounds until the batch is full, or for as many as there may be.

    Returns:
        The groups to train on, under dynamic sampling of at most ``settings.tasks_per_step`` tasks (a task
        has a group a seat), and everything that was played.

    Raises:
        Fault: Every episode was quarantined.
        TrainingError: No group has rewards that differ.
    """
    result = Collected(asked=settings.tasks_per_step)
    kept: dict[str, list[Group]] = {}
    while result.rounds < settings.dynamic_rounds and len(kept) < settings.tasks_per_step:
        missing = settings.tasks_per_step - len(kept)
        count = refill(missing, len(kept), result.played, settings.tasks_per_step)
        part, groups = await play(count, result.rounds)
        merge(result, part)
        result.rounds += 1
        for group in {g[0].episode.group: g for g in groups}.values():  # a task's, of one seat
            result.played += 1
            scores = [sample.episode.score for sample in group]
            result.solved += len(scores) > 1 and min(scores) == 1
            result.failed += len(scores) > 1 and max(scores) == 0
        for group in groups:
            if settings.dynamic_rounds == 1 or differs(group, settings.dynamic_by):
                kept.setdefault(group[0].episode.group, []).append(group)
    if not kept:
        raise _nothing(result, settings)
    most = settings.tasks_per_step if settings.dynamic_rounds > 1 else len(kept)
    chosen = [group for task in list(kept)[:most] for group in kept[task]]
    result.kept = min(len(kept), most)
    trained = {id(sample.trajectory) for group in chosen for sample in group}
    result.wasted_tokens = sum(
        trajectory.action_tokens
        for episode in result.episodes
        for trajectory in episode.trajectories.values()
        if id(trajectory) not in trained
    )
    return chosen, result


def refill(missing: int, kept: int, played: int, most: int) -> int:
    """Groups to play for `missing` more, should as many of them be of use as were so far."""
    return min(most, math.ceil(missing * played / kept)) if kept else most


def _nothing(result: Collected, settings: RolloutSection) -> Exception:
    if not result.episodes:
        last = result.quarantined[-1].fault if result.quarantined else "none was started"
        return Fault(
            f"no episode to learn from: all {len(result.quarantined)} broke; the last: {last}",
            "env",
        )
    return TrainingError(
        f"no group to learn from: all {settings.dynamic_by}s equal in each of the {result.played} "
        f"that {result.rounds} rounds played ({result.failed} failed, {result.solved} solved by "
        "every member): take easier or harder tasks (env), larger groups (rollout.group_size), "
        "more rounds (rollout.dynamic_rounds) or a longer warm start; the last checkpoint is whole"
    )
