"""Check that an episode does not depend on the other instances in the process.

No test of a single environment finds a defect of global state: a seed set in one episode moves the
draws of all others. So this check replays episodes among a thousand live instances of other seeds,
which step and reset in between.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

from envgym.checker.malformed_actions import NOTHING
from envgym.checker.report import Problem
from envgym.checker.target import Target
from envgym.checker.traces import alone, difference, replay, script
from envgym.env import Env

_WATCHED = 6
_FIRST_OTHER_SEED = 10_000
_AT_ONCE = 50
_STIRRED = 8
"""Others that move before each step of a watched episode."""
_BUDGET_S = 30.0


async def same_seed_same_episode_in_company(target: Target) -> AsyncIterator[Problem]:
    """Check that live instances of other seeds, stepped in between, change no episode."""
    scripts = [await script(target, seed) for seed in range(_WATCHED)]
    before = [await alone(target, seed, actions) for seed, actions in enumerate(scripts)]
    watched: list[Env[Any]] = []
    others: list[Env[Any]] = []
    async with _closing(watched), _closing(others):
        if problem := await _gather_others(target, others):
            yield problem
        circle = itertools.cycle(others)
        watched += [target.make() for _ in scripts]
        after = await asyncio.gather(
            *(
                replay(env, actions, seed=seed, between=lambda: _stir(circle))
                for seed, (env, actions) in enumerate(zip(watched, scripts, strict=True))
            )
        )
    for seed, (one, other) in enumerate(zip(before, after, strict=True)):
        if found := difference(one, other):
            yield Problem(
                f"seed {seed} played alone and among {len(others)} others: {found}",
                "keep nothing of an episode in the class, the module or a shared resource: what "
                "changes belongs to self, and is set in start()",
            )


async def _gather_others(target: Target, others: list[Env[Any]]) -> Problem | None:
    """Make and begin them; a problem when they are too heavy for so many."""
    began = time.monotonic()
    while len(others) < target.company:
        if time.monotonic() - began > _BUDGET_S:
            return Problem(
                f"only {len(others)} of {target.company} instances began in {_BUDGET_S:g} s",
                "hold what is heavy through envgym.resources.Shared; where each instance needs a "
                "process of its own, check it among fewer: company=8",
            )
        more = [target.make() for _ in range(min(_AT_ONCE, target.company - len(others)))]
        seed = _FIRST_OTHER_SEED + len(others)
        others += more
        await asyncio.gather(*(env.reset(seed=seed + i) for i, env in enumerate(more)))
    return None


async def _stir(circle: Iterator[Env[Any]]) -> None:
    """Let the next few move: a step each, or a new episode after the end."""
    await asyncio.sleep(0)
    for env in itertools.islice(circle, _STIRRED):
        if env.ended or env.turn >= env.max_turns:
            await env.reset()
        else:
            await env.step(NOTHING)


@asynccontextmanager
async def _closing(envs: list[Env[Any]]) -> AsyncIterator[None]:
    """Close them all, the ones after a failure too."""
    try:
        yield
    finally:
        outcomes = await asyncio.gather(*(env.close() for env in envs), return_exceptions=True)
        for outcome in outcomes:
            if outcome is not None:
                raise outcome
