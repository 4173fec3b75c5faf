"""Dry run: build everything, play and learn one group, report the plan and what looks wrong.

Nothing is written. Times and tokens of a whole step are those of the group, times the number of
groups per step; episodes that run at once make a real step's rollout faster than that.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, field

from envgym.trainers.collection.samples import as_groups
from envgym.trainers.config import Config
from envgym.trainers.learner.rows import train_rows
from envgym.trainers.loop import Trainer
from envgym.trainers.losses import Sft
from envgym.trainers.losses.base import token_weights
from envgym.trainers.running.memory_plan import memory_plan
from envgym.trajectory import Episode, rows

_GAP = 0.02
"""Mean absolute difference of log-probs, in nats, from which sampler and learner disagree."""


@dataclass
class DryRun:
    """Report of a dry run.

    Attributes:
        plan: Figures of the run by their name, each with its unit.
        warnings: Descriptions of what looks wrong, each with a fix.
    """

    plan: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


async def dry_run(config: Config) -> DryRun:
    """Play and learn one group of a run.

    Raises:
        Whatever the run itself would raise: a recipe's error, a fault, a number that is not finite.
    """
    settings = config.model_copy(deep=True)
    settings.rollout.tasks_per_step, settings.rollout.dynamic_rounds = 1, 1
    settings.learner.max_idle_steps = max(1, settings.learner.max_idle_steps)
    trainer = Trainer(settings)
    try:
        metrics, episodes = await trainer.step()
        metrics["time/learn_s"] = _learn(trainer, episodes)
        plan = _plan(config, trainer, metrics, episodes)
    finally:
        await trainer.close()
    return DryRun(plan, _warnings(config, metrics, episodes))


def _learn(trainer: Trainer, episodes: list[Episode]) -> float:
    """Seconds of an update on all of the group's rows, whether its rewards differ or not."""
    samples = [sample for group in as_groups(episodes) for sample in group]
    roles = tuple({sample.role for sample in samples})
    rows = train_rows(samples, token_weights(samples, "token", 1.0))
    began = time.monotonic()
    trainer.policy.update(rows, [Sft(roles=roles)])
    return time.monotonic() - began


def _plan(
    config: Config, trainer: Trainer, metrics: dict[str, float], episodes: list[Episode]
) -> dict[str, str]:
    roll = config.rollout
    groups = roll.tasks_per_step
    sampled = sum(t.action_tokens for e in episodes for t in e.trajectories.values())
    lengths = [len(row) for e in episodes for t in e.trajectories.values() for row in rows(t)]
    memory = memory_plan(config, trainer, max(lengths, default=1))
    return {
        "episodes a step": f"{_episodes(config)} ({groups} groups of {roll.group_size})",
        "turns an episode": f"{metrics['episode/turns']:.1f}",
        "sampled tokens a step": f"{sampled * groups:,}",
        "longest row": f"{max(lengths, default=0):,} tokens",
        "rollout a step": f"{metrics['time/rollout_s'] * groups:.1f} s at most",
        "learning a step": f"{metrics['time/learn_s'] * groups:.1f} s",
        "whole run": f"{_hours(config, metrics):.2f} h at most, without evaluations",
        "device": str(trainer.model.device),
        **memory.parts(),
    }


def _warnings(config: Config, metrics: dict[str, float], episodes: list[Episode]) -> list[str]:
    roll = config.rollout
    found = []
    played = [e for e in episodes if e.fault is None]
    if broken := [e for e in episodes if e.fault is not None]:
        found.append(f"{len(broken)} of {len(episodes)} episodes broke: {broken[0].fault}")
    if metrics["group/equal"] == 1:
        found.append(
            "all rewards of the group are equal, and it teaches nothing: take easier or harder "
            "tasks (env), a warm start, or rollout.dynamic_rounds"
        )
    cut = statistics.fmean(e.turns[-1].cut for e in played if e.turns)
    if cut > 0.25:
        found.append(
            f"a limit on tokens cut {cut:.0%} of the episodes: raise rollout.max_tokens_per_turn "
            f"({roll.max_tokens_per_turn}) or rollout.max_context, or set learner.mask_truncated"
        )
    if metrics.get("env/no_tool_call", 0) > 0.5:
        found.append(
            "most episodes have turns without a readable tool call: look at chat.dialect "
            f"({config.chat.dialect}), or give a warm start"
        )
    if (gap := metrics.get("learn/sampler_gap", 0.0)) > _GAP:
        found.append(
            f"sampler and learner differ by {gap:.3f} nats a token before the first update: their "
            "template, temperature or precision is not the same"
        )
    if found and config.warm_start.steps:
        found.append("the group was played before the warm start, which may put the above right")
    return found


def _episodes(config: Config) -> int:
    return config.rollout.tasks_per_step * config.rollout.group_size


def _hours(config: Config, metrics: dict[str, float]) -> float:
    seconds = metrics["time/rollout_s"] + metrics["time/learn_s"]
    return seconds * config.rollout.tasks_per_step * config.learner.steps / 3600
