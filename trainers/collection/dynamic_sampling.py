"""Dynamic sampling (DAPO, arXiv 2503.14476 §3.2): more rounds, on other tasks, in place of
groups whose rewards are all equal, until the batch is full.

A group-relative advantage is 0 on such a group, so a batch of them shrinks as the policy gets
better, and its gradient with it. Peers stop the run where tasks are too hard or too easy to fill a
batch, or play one missing group after another. Here the share of useful
groups so far sets the size of a refill, the number of rounds is bounded, a step trains on the
groups that it found, and metrics count the tokens played in vain.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from envgym.errors import Fault
from envgym.rollout.runner import RolloutResult
from envgym.trainers.collection.samples import Group, differs, of_policy
from envgym.trainers.config_sections import RolloutSection
from envgym.trainers.learner.policy import TrainingError

Play = Callable[[int, int], Awaitable[tuple[RolloutResult, list[Group]]]]
"""Plays one round. Arguments: number of tasks, index of the round."""


@dataclass
class Collected(RolloutResult):
    """Results of all rounds of a step, merged.

    Attributes:
        rounds: Number of rounds played.
        asked: Number of groups (tasks) wanted.
        played, kept: Number of groups played, and of groups to train on.
        solved, failed: Number of groups of two or more whose scores are all 1, and all 0.
        wasted_tokens: Number of tokens sampled in episodes that the step does not train on.
    """

    rounds: int = 0
    asked: int = 0
    played: int = 0
    kept: int = 0
    solved: int = 0
    failed: int = 0
    wasted_tokens: int = 0

    def metrics(self) -> dict[str, float]:
        """Metrics of the step, named ``dynamic/…``."""
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
    """Play rounds until the batch is full or the maximum number of rounds is reached.

    Returns:
        The groups to train on, under dynamic sampling of at most ``settings.tasks_per_step`` tasks
        (one group per task and seat), and the results of all rounds.

    Raises:
        Fault: All episodes broke and are in quarantine.
        TrainingError: No group has rewards that differ.
    """
    result = Collected(asked=settings.tasks_per_step)
    kept: dict[str, list[Group]] = {}
    while result.rounds < settings.dynamic_rounds and len(kept) < settings.tasks_per_step:
        missing = settings.tasks_per_step - len(kept)
        count = refill(missing, len(kept), result.played, settings.tasks_per_step)
        part, groups = await play(count, result.rounds)
        result.add(part)
        result.rounds += 1
        guided = [g for g in groups if g[0].role == "guided"]  # a task's only ones, or as well
        tasks = {g[0].episode.group: g for g in (*guided, *of_policy(groups))}
        for group in tasks.values():  # of one seat
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
    """Number of groups to play for `missing` more, at the share of useful groups so far."""
    return min(most, math.ceil(missing * played / kept)) if kept else most


def _nothing(result: Collected, settings: RolloutSection) -> Exception:
    if not result.episodes:
        last = result.quarantined[-1].fault if result.quarantined else "none was started"
        return Fault(
            f"no episode to learn from: all {len(result.quarantined)} broke; the last: {last}",
            "env",
        )
    if not any(episode.turns for episode in result.episodes):
        return TrainingError(
            f"no episode to learn from: none of {len(result.episodes)} has a turn, as where no "
            "prompt fits into the context: raise rollout.max_context, or take a model with a "
            "longer one; the last checkpoint is whole"
        )
    return TrainingError(
        f"no group to learn from: all {settings.dynamic_by}s equal in each of the {result.played} "
        f"that {result.rounds} rounds played ({result.failed} failed, {result.solved} solved by "
        "every member): take easier or harder tasks (env), larger groups (rollout.group_size), "
        "more rounds (rollout.dynamic_rounds) or a longer warm start; the last checkpoint is whole"
    )
