"""Exact evaluation against brute force over every sequence of actions; extraction."""

from __future__ import annotations

import itertools
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import envgym
from envgym.errors import UsageError
from envgym.trainers.reproduce.table import Machine
from envgym.trainers.reproduce.table.config import EnvironmentWorld, WaysWorld
from envgym.trainers.reproduce.table.extraction import extract, parse_action
from envgym.trainers.reproduce.table.machine import evaluate
from envgym.trainers.reproduce.table.world import build_world
from tests.trainers.reproduce.table.worlds import CORRIDOR, machine


def brute_force(world: Machine, probs: np.ndarray) -> tuple[list[float], float]:
    """Success in each test task and mean turns, by the probability of every whole episode."""
    success, turns = [0.0] * len(world.test_score), 0.0
    for length in range(1, world.horizon + 1):
        for actions in itertools.product(range(len(world.actions)), repeat=length):
            state, chance, states = 0, 1.0, []
            for action in actions:
                if state < 0:
                    break
                states.append(state)
                chance *= probs[state, action]
                state = world.next_state[state, action]
            if len(states) < length or (state >= 0 and length < world.horizon):
                continue  # it ended before, or goes on
            turns += chance * length
            if state < 0:
                for task, score in enumerate(world.test_score):
                    success[task] += chance * score[states[-1], actions[-1]]
    return success, turns


@given(st.integers(0, 10_000), st.integers(1, 5))
def test_evaluation_equals_brute_force(seed: int, horizon: int) -> None:
    world = machine(horizon)
    probs = np.random.default_rng(seed).dirichlet(np.ones(3), 2)
    success, turns = brute_force(world, probs)
    found = evaluate([world], probs)
    assert found["turns"] == pytest.approx(turns)
    assert found["score"] == pytest.approx(np.mean(success))
    for k, value in found["pass_at"].items():
        assert value == pytest.approx(np.mean([1 - (1 - p) ** int(k) for p in success]))


async def test_evaluation_of_a_tiny_corridor_equals_brute_force() -> None:
    world = await build_world(EnvironmentWorld.model_validate(CORRIDOR))
    probs = np.random.default_rng(1).dirichlet(np.ones(5), len(world.machine.states))
    success, turns = brute_force(world.machine, probs)
    found = evaluate(world.test, probs)
    assert (found["score"], found["turns"]) == (pytest.approx(success[0]), pytest.approx(turns))
    assert 0 < found["score"] < 1


async def test_a_machine_steps_as_its_environment_does() -> None:
    kwargs = CORRIDOR["env"] | {"length": 2, "max_turns": 12, "step_reward": 0.25}
    env = envgym.make(kwargs.pop("id"), **kwargs)
    task = env.tasks("train")[0]
    actions = [*CORRIDOR["actions"], "go way=left", "read"]
    world = await extract(env, task, actions)
    for seed in range(30):
        rng = random.Random(seed)
        _, info = await env.reset(seed=seed, options={"task": task})
        state, done = 0, False
        while not done:
            assert info["anchor"] == world.states[state]
            action = rng.randrange(len(actions))
            step = await env.step(parse_action(actions[action]))
            info, done = step.info, step.done
            assert step.reward == world.reward[state, action]
            if step.terminated:
                assert info["score"] == world.score[state, action]
            state = world.next_state[state, action]
            assert (state < 0) == step.terminated
    await env.close()


@pytest.mark.parametrize(
    ("name", "kwargs", "actions", "what"),
    [
        ("puzzles/strings-v1", {}, ["a", "b"], "names no states"),
        ("puzzles/key-door-v1", {}, ["go left", "open"], "write an action as"),
    ],
)
async def test_what_makes_no_machine(
    name: str, kwargs: dict[str, Any], actions: list[str], what: str
) -> None:
    env = envgym.make(name, **kwargs)
    with pytest.raises(UsageError, match=what):
        await extract(env, env.tasks("train")[0], actions)
    await env.close()


async def test_starting_policy_follows_its_rules() -> None:
    world = await build_world(EnvironmentWorld.model_validate(CORRIDOR))
    probs = np.exp(world.logits.numpy())
    at = {
        state.partition(".")[0]: row for state, row in zip(world.machine.states, probs, strict=True)
    }
    np.testing.assert_allclose(probs.sum(1), 1.0, rtol=1e-6)
    np.testing.assert_allclose(probs[0], [0.25, 0.25, *[0.5 / 3] * 3], rtol=1e-6)
    np.testing.assert_allclose(at["The chest stands here"][-1], 0.5, rtol=1e-6)


async def test_ways_share_a_table_and_differ_in_the_tasks_that_they_solve() -> None:
    settings = WaysWorld(kind="ways", ways=6, good=2, tasks=500)
    world = await build_world(settings)
    assert world.machine.score.tolist() == [[1, 1, 0, 0, 0, 0]]
    shares = world.machine.test_score.mean(0)[0]
    np.testing.assert_allclose(shares, [0.5, 0.5, 0.02, 0.02, 0.02, 0.02], atol=0.07)
    assert (await build_world(settings)) is world  # every run starts from the same
