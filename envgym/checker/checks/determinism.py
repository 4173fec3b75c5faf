"""Check that the same seed and actions give the same episode, in an instance that runs alone."""

from __future__ import annotations

import random
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

from envgym.checker.report import Problem
from envgym.checker.target import Target
from envgym.checker.traces import alone, begin, difference, play_oracle_or_stop, replay, script

_SEEDS = 16
"""Number of seeds; they miss one of two tasks with probability 2^-15."""


async def same_seed_same_episode(target: Target) -> AsyncIterator[Problem]:
    """Check that a second instance repeats the episode of the first."""
    for seed in range(target.episodes):
        actions = await script(target, seed)
        first = await alone(target, seed, actions)
        second = await alone(target, seed, actions)
        if found := difference(first, second):
            yield Problem(
                f"seed {seed} played twice: {found}",
                "draw from self.rng only: no global random, no order of a set, no clock and no "
                "id() in texts, metrics or rewards",
            )


async def same_seed_same_episode_on_reuse(target: Target) -> AsyncIterator[Problem]:
    """Check that an instance that has played another episode repeats the episode of a fresh one."""
    actions = await script(target, 0)
    fresh = await alone(target, 0, actions)
    async with target.env() as env:
        await play_oracle_or_stop(env, await begin(env, seed=1))
        used = await replay(env, actions, seed=0)
    if found := difference(fresh, used):
        yield Problem(
            f"seed 0 in a fresh instance and in a used one: {found}",
            "set all state of an episode in start(); nothing may be left of the one before",
        )


async def seeds_are_used(target: Target) -> AsyncIterator[Problem]:
    """Check that other seeds give other episodes, and resets without a seed continue the stream."""
    async with target.env() as env, target.env() as other:
        if len(env.tasks(target.splits[0])) < 2:
            return  # nothing to draw
        seeded = [await _first_sight(env, seed) for seed in range(_SEEDS)]
        if len(set(seeded)) == 1:
            yield Problem(
                f"{_SEEDS} seeds all begin the same episode",
                "hand the seed on: do not override reset(), or call super().reset(seed=seed, …)",
            )
            return
        streams = []
        for one in (env, other):
            await begin(one, seed=0)
            streams.append([await _first_sight(one, None) for _ in range(_SEEDS)])
        if streams[0] != streams[1]:
            yield Problem(
                "after reset(seed=0), resets without a seed differ from instance to instance",
                "do not reseed in start(): self.rng is drawn from the last seed's stream already",
            )
        elif len(set(streams[0])) == 1:
            yield Problem(
                f"after reset(seed=0), {_SEEDS} resets without a seed all begin the same episode",
                "do not put a fixed seed in place of None when you override reset()",
            )


async def global_random_is_left_alone(target: Target) -> AsyncIterator[Problem]:
    """Check that an episode neither draws from nor seeds the process's global random generators."""
    actions = await script(target, 0)  # first use may load modules, which may seed or draw
    with _elsewhere():
        before = dict(_global_states())
        await alone(target, 0, actions)
        after = dict(_global_states())
    for name, state in before.items():
        if after[name] != state:
            yield Problem(
                f"an episode changed the state of {name}, which all environments here share",
                "draw from self.rng, and never seed a global generator; a library that wants one "
                "gets its own, seeded from self.rng.getrandbits(32)",
            )


async def _first_sight(env: Any, seed: int | None) -> tuple[str, str]:
    """Key that distinguishes the beginnings of two episodes."""
    observation, _ = await env.reset(seed=seed)
    return env.task.key, observation.text


def _global_states() -> Iterator[tuple[str, Any]]:
    """The state of every global generator that is loaded, as something to compare."""
    yield "the module random", random.getstate()
    if (numpy := sys.modules.get("numpy")) is not None:
        yield "numpy.random", repr(numpy.random.get_state(legacy=False))
    if (torch := sys.modules.get("torch")) is not None:
        yield "torch's generator", bytes(torch.get_rng_state().numpy())


@contextmanager
def _elsewhere() -> Iterator[None]:
    """With the global generators in a state where no seed of an environment puts them."""
    kept = random.getstate()
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    numpys = None if numpy is None else numpy.random.get_state()
    torchs = None if torch is None else torch.get_rng_state()
    chosen = 2**31 - random.randrange(2**20)
    random.seed(chosen)
    if numpy is not None:
        numpy.random.seed(chosen)
    if torch is not None:
        torch.manual_seed(chosen)
    try:
        yield
    finally:
        random.setstate(kept)
        if numpy is not None:
            numpy.random.set_state(numpys)
        if torch is not None:
            torch.set_rng_state(torchs)
