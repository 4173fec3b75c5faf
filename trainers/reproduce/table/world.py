"""Worlds of a table: a state machine and the logits that every run starts from."""

from __future__ import annotations

import itertools
import math
import random
import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

import envgym
from envgym.task import Task
from envgym.trainers.reproduce.table.config import ChainWorld, EnvironmentWorld, WaysWorld
from envgym.trainers.reproduce.table.extraction import extract
from envgym.trainers.reproduce.table.machine import Machine


class World(NamedTuple):
    """Machines that share a table, and the logits that every run starts from.

    Attributes:
        training: Machine of each training task.
        test: Machines to evaluate on.
        hints: Hints of each training task, weakest first; empty in worlds of one task.
    """

    logits: Float[Tensor, "states actions"]
    tasks: list[Task]
    training: list[Machine]
    test: list[Machine]
    hints: list[tuple[str, ...]]

    @property
    def machine(self) -> Machine:
        """Machine of the first training task."""
        return self.training[0]


def single(machine: Machine, logits: Float[Tensor, "states actions"], task: Task) -> World:
    """World of one training task, without hints."""
    return World(logits, [task], [machine], [machine], [()])


_worlds: dict[str, World] = {}
"""Worlds by their settings: all runs of a reproduction share one."""


async def build_world(settings: EnvironmentWorld | WaysWorld | ChainWorld) -> World:
    """World of the settings, the same for every seed."""
    key = settings.model_dump_json()
    if key not in _worlds:
        if isinstance(settings, EnvironmentWorld):
            _worlds[key] = await _extracted(settings)
        else:
            _worlds[key] = ways(settings) if isinstance(settings, WaysWorld) else chains(settings)
    return _worlds[key]


async def _extracted(settings: EnvironmentWorld) -> World:
    env = envgym.make(settings.env.id, **settings.env.kwargs)
    try:
        task = env.tasks("train")[0]
        machine = await extract(env, task, settings.actions)
    finally:
        await env.close()
    return single(machine, starting_logits(machine, settings), task)


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
        actions=[f"take way={i}" for i in range(settings.ways)],
        next_state=np.full((1, settings.ways), -1),
        reward=score,
        score=score,
        horizon=1,
        test_score=tasks[:, None].astype(float),
    )
    return single(machine, torch.tensor(logits[None], dtype=torch.float32), Task({}))


def chains(settings: ChainWorld) -> World:
    """Chains of shared skills, drawn once, with seed 0: training tasks, then test tasks."""
    rng = random.Random(0)
    right = [rng.randrange(settings.actions) for _ in range(settings.skills)]
    training, test = _drawn(settings, rng)
    count = len(training)
    unsolvable = set(rng.sample(range(count), round(settings.unsolvable * count)))
    return World(
        logits=_starting_chances(settings, right),
        tasks=[_task(chain, training[:i].count(chain)) for i, chain in enumerate(training)],
        training=[
            _chain(chain, right, settings, i not in unsolvable) for i, chain in enumerate(training)
        ],
        test=[_chain(chain, right, settings, True) for chain in test],
        hints=[_hints(chain, right, settings) for chain in training],
    )


def _drawn(settings: ChainWorld, rng: random.Random) -> tuple[list[list[int]], list[list[int]]]:
    """Chains of the training tasks and of the test tasks: those of the settings, or drawn."""
    count = 0 if settings.chains else settings.tasks
    more = 0 if settings.test_chains else settings.test_tasks
    drawn = [
        rng.sample(range(settings.skills), settings.lengths[i % len(settings.lengths)])
        for i in range(count + more)
    ]
    return settings.chains or drawn[:count], settings.test_chains or drawn[count:]


def _starting_chances(
    settings: ChainWorld, right: Sequence[int]
) -> Float[Tensor, "states actions"]:
    """Log-probabilities in which each skill's right action has its chance, and others the rest."""
    given = settings.chance
    chances = given if isinstance(given, list) else [given] * settings.skills
    logits = torch.empty(settings.skills, settings.actions)
    for skill, chance in enumerate(chances):
        logits[skill] = math.log((1 - chance) / (settings.actions - 1))
        logits[skill, right[skill]] = math.log(chance)
    return logits


def _task(chain: list[int], copies: int) -> Task:
    """Task of a chain; numbered where others have the same one, so that each has a key."""
    number = {"copy": copies} if copies else {}
    return Task({"skills": chain, **number}, difficulty=len(chain))


def _chain(
    chain: Sequence[int], right: Sequence[int], settings: ChainWorld, solvable: bool
) -> Machine:
    """Machine: the right action leads to the next skill, a wrong one ends or changes nothing."""
    shape = settings.skills, settings.actions
    next_state, score = np.full(shape, -1), np.zeros(shape)
    for skill, following in itertools.pairwise([*chain, -1]):
        if settings.slack and skill not in settings.fatal:
            next_state[skill] = skill
        next_state[skill, right[skill]] = following
    score[chain[-1], right[chain[-1]]] = float(solvable)
    return Machine(
        states=[f"skill {i}" for i in range(settings.skills)],
        actions=[f"do what={i}" for i in range(settings.actions)],
        next_state=next_state,
        reward=score,
        score=score,
        horizon=len(chain) + settings.slack,
        test_score=score[None],
        start=chain[0],
    )


def _hints(chain: Sequence[int], right: Sequence[int], settings: ChainWorld) -> tuple[str, ...]:
    """Hints that tell the right actions of a part of the chain each, its beginning first.

    The first `conflicting` ones also tell one wrong action of the last skill.
    """
    parts = np.array_split(np.array(chain), min(settings.hints, len(chain)))
    told = [[f"skill {s}: do what={right[s]}" for s in part] for part in parts]
    wrong = f"skill {chain[-1]}: do what={(right[chain[-1]] + 1) % settings.actions}"
    for hint in told[: settings.conflicting]:
        hint.append(wrong)
    return tuple(map("; ".join, told))
