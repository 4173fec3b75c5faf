"""Training of a table: the trainer's step with a table in place of the model."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import yaml

from envgym.rollout.start import Start
from envgym.task import Task
from envgym.trainers.collection.samples import Group, Sample, as_groups
from envgym.trainers.learner.policy import TrainingError
from envgym.trainers.losses.base import loss_weights
from envgym.trainers.reproduce.table.config import EnvironmentWorld, TableConfig
from envgym.trainers.reproduce.table.machine import Machine, evaluate
from envgym.trainers.reproduce.table.play import (
    ActionSampler,
    EnvironmentPlayer,
    MachinePlayer,
    TablePlayer,
)
from envgym.trainers.reproduce.table.policy import TablePolicy
from envgym.trainers.reproduce.table.world import build_world
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
        under ``measured`` means over the steps: ``compared`` (share of turns in whose state their
        group took several actions), ``outside_clip`` (share of trained tokens whose ratio to the
        sampler is outside 0.8 to 1.2 before an update) and ``late_score`` (mean score of the
        episodes of the last tenth of the steps).

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
    machine, policy = world.machine, TablePolicy(world.logits, config.learner)
    values = np.zeros(len(machine.states), np.float32)
    player = _player(config, machine)
    evaluations = {"untrained": evaluate(machine, np.exp(policy.log_probs()))}
    compared, outside, scores, idle = [], [], [], 0
    steps, interval = config.learner.steps, config.evaluation.interval
    for step in range(steps):
        if step and interval and step % interval == 0:
            evaluations[f"step_{step}"] = evaluate(machine, np.exp(policy.log_probs()))
        sampler = ActionSampler(policy.log_probs(), step)
        groups = as_groups(await player.play(_starts(config, step, world.task), sampler))
        _credit(groups, config, values, len(machine.actions))
        shares = _learn(groups, config, policy, step)
        idle = 0 if shares else idle + 1
        if idle > config.learner.max_idle_steps:
            raise TrainingError(
                f"step {step + 1}: no token has a gradient: let it happen (learner.max_idle_steps)"
            )
        outside += shares
        compared.append(compared_share(groups))
        scores.append(statistics.fmean(s.episode.score for g in groups for s in g))
    await player.close()
    evaluations["trained"] = evaluate(machine, np.exp(policy.log_probs()))
    summary = {
        "name": config.name,
        "seed": config.seed,
        "steps": steps,
        "wall_s": round(time.monotonic() - began, 2),
        "eval": evaluations,
        "measured": {
            "compared": statistics.fmean(compared),
            "outside_clip": statistics.fmean(outside) if outside else 0.0,
            "late_score": statistics.fmean(scores[-max(1, steps // 10) :]),
        },
    }
    config.directory.mkdir(parents=True, exist_ok=True)
    (config.directory / "config.yaml").write_text(_text(config))
    write_atomically(config.directory / "summary.json", json.dumps(summary, indent=2) + "\n")
    return summary


def compared_share(groups: Sequence[Group]) -> float:
    """Share of turns in whose state their group took more than one action."""
    shares: list[bool] = []
    for group in groups:
        turns = [(turn.anchor, turn.action[0]) for s in group for turn in s.trajectory.turns]
        taken: dict[str, set[int]] = {}
        for state, action in turns:
            taken.setdefault(state, set()).add(action)
        shares += [len(taken[state]) > 1 for state, _ in turns]
    return statistics.fmean(shares)


def _player(config: TableConfig, machine: Machine) -> TablePlayer:
    world = config.world
    if isinstance(world, EnvironmentWorld) and world.play == "environment":
        return EnvironmentPlayer(machine, world)
    return MachinePlayer(machine)


def _starts(config: TableConfig, step: int, task: Task) -> list[Start]:
    seed = derive_seed(config.seed, "table", step)
    return [
        Start(seed, task, f"{step}.{group}", member)
        for group in range(config.rollout.tasks_per_step)
        for member in range(config.rollout.group_size)
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
    config.advantage(groups)
    check_advantages(groups, config.advantage.name)
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
    prox = torch.log_softmax(policy.logits.detach(), -1).flatten()
    shares = []
    for batch in config.batching(groups, f"{config.seed}:{step}"):
        weights = loss_weights(config.losses, batch, config.batching, config.learner)
        shares.append(policy.update(batch, config.losses, weights, prox, step))
    return [share for share in shares if share is not None]


def _text(config: TableConfig) -> str:
    return yaml.safe_dump(config.model_dump(mode="json", exclude={"output"}), sort_keys=False)
