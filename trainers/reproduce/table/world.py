"""Worlds of a table: a state machine and the logits that every run starts from."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

import envgym
from envgym.task import Task
from envgym.trainers.reproduce.table.config import EnvironmentWorld, WaysWorld
from envgym.trainers.reproduce.table.extraction import extract
from envgym.trainers.reproduce.table.machine import Machine


class World(NamedTuple):
    """State machine, the logits that every run starts from, and the task that is played."""

    machine: Machine
    logits: Float[Tensor, "states actions"]
    task: Task


_worlds: dict[str, World] = {}
"""Worlds by their settings: all runs of a reproduction share one."""


async def build_world(settings: EnvironmentWorld | WaysWorld) -> World:
    """World of the settings, the same for every seed."""
    key = settings.model_dump_json()
    if key not in _worlds:
        _worlds[key] = (
            ways(settings) if isinstance(settings, WaysWorld) else await _extracted(settings)
        )
    return _worlds[key]


async def _extracted(settings: EnvironmentWorld) -> World:
    env = envgym.make(settings.env.id, **settings.env.kwargs)
    try:
        task = env.tasks("train")[0]
        machine = await extract(env, task, settings.actions)
    finally:
        await env.close()
    return World(machine, starting_logits(machine, settings), task)


def starting_logits(
    machine: Machine, settings: EnvironmentWorld
) -> Float[Tensor, "states actions"]:
    """Log-probabilities of the starting policy, which the rules of `settings` describe.

    In a state that no rule names, and where a rule's actions are none or all, every action is
    equally likely.
    """
    probs = np.full((len(machine.states), len(machine.actions)), 1 / len(machine.actions))
    for i, state in enumerate(machine.states):
        rule = next((a for s, a in settings.preferred.items() if re.search(s, state)), None)
        if rule is None:
            continue
        chosen = np.array([re.search(rule, action) is not None for action in machine.actions])
        if 0 < chosen.sum() < len(chosen):
            probs[i, chosen] = settings.chance / chosen.sum()
            probs[i, ~chosen] = (1 - settings.chance) / (~chosen).sum()
    return torch.tensor(np.log(probs), dtype=torch.float32)


def ways(settings: WaysWorld) -> World:
    """One choice among ways, with test tasks that other ways solve; drawn once, with seed 0."""
    rng = np.random.default_rng(0)
    good = np.arange(settings.ways) < settings.good
    logits = rng.normal(size=settings.ways) * settings.spread + settings.bias * good
    solves = np.where(good, settings.good_solves, settings.bad_solves)
    tasks = rng.random((settings.tasks, settings.ways)) < solves
    score = good[None].astype(float)
    machine = Machine(
        states=["choice"],
        actions=[f"way {i}" for i in range(settings.ways)],
        next_state=np.full((1, settings.ways), -1),
        reward=score,
        score=score,
        horizon=1,
        test_score=tasks[:, None].astype(float),
    )
    return World(machine, torch.tensor(logits[None], dtype=torch.float32), Task({}))
