"""Training of a table: the trainer's step with a table in place of the model."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import torch
import yaml

from envgym.rollout.start import Start
from envgym.store.episodes import EpisodeWriter
from envgym.task import Task
from envgym.trainers.collection.player import Player, sampled_tokens
from envgym.trainers.collection.samples import Group, Sample, as_groups, of_policy
from envgym.trainers.learner.policy import TrainingError
from envgym.trainers.losses.base import check_roles, loss_weights
from envgym.trainers.reproduce.table.config import ChainWorld, EnvironmentWorld, TableConfig
from envgym.trainers.reproduce.table.machine import evaluate
from envgym.trainers.reproduce.table.measured import Measured
from envgym.trainers.reproduce.table.play import (
    ActionSampler,
    EnvironmentPlayer,
    MachinePlayer,
    TablePlayer,
)
from envgym.trainers.reproduce.table.policy import TablePolicy
from envgym.trainers.reproduce.table.world import World, build_world
from envgym.trainers.running.sanity_checks import check_advantages, check_rewards
from envgym.utils.atomic_write import write_atomically
from envgym.utils.seeds import derive_seed

Summary = dict[str, Any]


def finished_table(config: TableConfig) -> Summary | None:
    """Summary of a finished run of exactly this config, or None."""
    recorded, summary = (config.directory / name for name in ("config.yaml", "summary.json"))
    if not summary.exists() or recorded.read_text() != _text(config):
        return None
    found: Summary = json.loads(summary.read_text())
    return found


async def train_table(config: TableConfig) -> Summary:
    """Run a table's training to its end and write ``config.yaml`` and ``summary.json``.

    Returns:
        A run's summary: exact evaluations by their step, as `trainers.run.train` gives them, and
        under ``measured`` the figures of `Measured.summary`.

    Raises:
        TrainingError: More steps in a row than the learner allows had nothing to learn from.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # a table is so small that threads wait for each other
    try:
        return await _train(config)
    finally:
        torch.set_num_threads(threads)


async def _train(config: TableConfig) -> Summary:
    began = time.monotonic()
    config = config.model_copy(deep=True)  # plug-ins remember
    world = await build_world(config.world)
    strength = config.world.hint_strength if isinstance(config.world, ChainWorld) else 0.0
    policy = TablePolicy(world.logits, config.learner, strength)
    values = np.zeros(len(world.machine.states), np.float32)
    player = _player(config, world, strength)
    evaluations = {"untrained": evaluate(world.test, np.exp(policy.log_probs()))}
    measured, idle, sampled = Measured(), 0, 0
    most = config.learner.max_sampled_tokens or math.inf
    steps, interval = config.learner.steps, config.evaluation.interval
    for step in range(steps):
        if step and interval and step % interval == 0:
            evaluations[f"step_{step}"] = evaluate(world.test, np.exp(policy.log_probs()))
        player.step, player.sampler = step, ActionSampler(policy.log_probs(), step)
        starts = _starts(config, step, world.tasks)
        result = await config.guidance.play(starts, cast(Player, player))
        if config.episodes_every and step % config.episodes_every == 0:
            folder = config.directory / "episodes" / "train"
            EpisodeWriter(folder).write(result.episodes, step, overwrite=True)
        played = as_groups(result.episodes)
        config.sampler.observe(of_policy(played))
        groups = [g for g in played if g[0].role not in config.guidance.untrained]
        check_roles((s for g in groups for s in g), config.losses)
        _credit(groups, config, values, len(world.machine.actions))
        shares = _learn(groups, config, policy, step)
        idle = 0 if shares else idle + 1
        if idle > config.learner.max_idle_steps:
            raise TrainingError(
                f"step {step + 1}: no token has a gradient: let it happen (learner.max_idle_steps)"
            )
        measured.add(played, groups, shares)
        sampled += sampled_tokens(result.episodes)
        if sampled >= most:
            break
    await player.close()
    evaluations["trained"] = evaluate(world.test, np.exp(policy.log_probs()))
    summary = {
        "name": config.name,
        "seed": config.seed,
        "steps": step + 1 if steps else 0,
        "sampled_tokens": sampled,
        "wall_s": round(time.monotonic() - began, 2),
        "eval": evaluations,
        "measured": measured.summary(),
    }
    config.directory.mkdir(parents=True, exist_ok=True)
    (config.directory / "config.yaml").write_text(_text(config))
    write_atomically(config.directory / "summary.json", json.dumps(summary, indent=2) + "\n")
    return summary


def _player(config: TableConfig, world: World, strength: float) -> TablePlayer:
    settings = config.world
    if isinstance(settings, EnvironmentWorld) and settings.play == "environment":
        return EnvironmentPlayer(world.machine, settings)
    return MachinePlayer(world, strength)


def _starts(config: TableConfig, step: int, source: Sequence[Task]) -> list[Start]:
    seed = derive_seed(config.seed, "table", step)
    tasks = config.sampler.draw(source, config.rollout.tasks_per_step, f"{config.seed}:{step}")
    members = config.sampler.group_size(config.rollout.group_size)
    return [
        Start(seed, task, f"{step}.{group}", member)
        for group, task in enumerate(tasks)
        for member in range(members)
    ]


def _credit(groups: Sequence[Group], config: TableConfig, values: np.ndarray, actions: int) -> None:
    """Set rewards and advantages, then move the critic's values towards its targets."""
    for reward in config.rewards:
        reward(groups)
        check_rewards(groups, reward.name)
    samples = [sample for group in groups for sample in group]
    if config.critic is not None:
        for sample in samples:
            sample.value = [values[[state]] for state in _states(sample, actions)]
    followed = {role for loss in config.losses if loss.improves for role in loss.roles}
    for role in sorted(followed):
        mine = [group for group in groups if group[0].role == role]
        if mine:
            config.advantage(mine)
            check_advantages(mine, config.advantage.name)
    if config.critic is not None:
        for sample in samples:
            for state, target in zip(_states(sample, actions), sample.returns, strict=True):
                values[state] += config.critic.rate * (target[0] - values[state])


def _states(sample: Sample, actions: int) -> list[int]:
    return [turn.action[0] // actions for turn in sample.trajectory.turns]


def _learn(
    groups: Sequence[Group], config: TableConfig, policy: TablePolicy, step: int
) -> list[float]:
    """Run a step's updates; return the share of tokens outside the clip range at each."""
    prox = policy.logits.detach().clone()
    shares = []
    for batch in config.batching(groups, f"{config.seed}:{step}"):
        weights = loss_weights(config.losses, batch, config.batching, config.learner)
        shares.append(policy.update(batch, config.losses, weights, prox, step))
    return [share for share in shares if share is not None]


def _text(config: TableConfig) -> str:
    return yaml.safe_dump(config.model_dump(mode="json", exclude={"output"}), sort_keys=False)
